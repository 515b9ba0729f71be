"""Predictions as plain values, and as files."""

import csv
import io
import json
import os.path as osp
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmtscam.datasets.coco import COCOOutput, coco_annotation, coco_categories
from mmtscam.structures import LocDataSample
from mmtscam.utils.class_names import class_name
from mmtscam.utils.files import write_text
from mmtscam.utils.printable import as_cell
from mmtscam.version import __version__

# The folder, within that of the results, of those of a run that did not end.
PARTIAL = 'partial'
# Fields that say how boxes were drawn.
_DRAWN = ('map_kind', 'threshold', 'protocol', 'min_area', 'views', 'crops', 'zoom')


def sample_to_dict(sample: LocDataSample, classes: Sequence[str] | None) -> dict[str, Any]:
    """A prediction as plain values, without maps.

    Args:
        sample: A prediction.
        classes: Names of the classes.

    Returns:
        ``img_path``; ``width`` and ``height`` of the image in pixels;
        ``pred_label``, ``pred_class`` and ``pred_score`` of the best class;
        lists ``labels``, ``classes``, ``scores`` and ``bboxes``
        ``[x1, y1, x2, y2]`` in the image's pixels, with an entry for each
        box, the best class or the first one asked for first; and
        ``map_kind``, ``threshold``, ``protocol`` and ``min_area`` with which
        the boxes were drawn, from how many ``views`` of the image, how many ``crops`` classified
        it, and whether a closer look did (``zoom``).
    """
    height, width = sample.ori_shape[:2]
    boxes, label = sample.pred_instances, int(sample.pred_label)

    return dict(
        img_path=sample.get('img_path', ''),
        width=width,
        height=height,
        pred_label=label,
        pred_class=class_name(label, classes),
        pred_score=round(float(sample.pred_score[label]), 6),
        labels=boxes.labels.tolist(),
        classes=[class_name(label, classes) for label in boxes.labels.tolist()],
        scores=[round(score, 6) for score in boxes.scores.tolist()],
        bboxes=[[round(edge, 2) for edge in box] for box in boxes.bboxes.tolist()],
        map_kind=sample.class_maps.map_kind,
        threshold=sample.class_maps.threshold,
        protocol=sample.class_maps.protocol,
        min_area=sample.class_maps.get('min_area'),
        views=sample.class_maps.get('views', 1),
        crops=sample.class_maps.get('crops', 0),
        zoom=sample.class_maps.get('zoom', False),
    )


def _as_json(predictions: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    """All predictions and the names of the classes."""
    return json.dumps(dict(mmtscam=__version__, classes=list(classes), predictions=list(predictions)), indent=1) + '\n'


def _as_csv(predictions: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    """One row a box, or one without a box, or with the error; no text is a formula to a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(
        ['img_path', 'width', 'height', 'label', 'class', 'score', 'x1', 'y1', 'x2', 'y2', *_DRAWN, 'error']
    )
    for each in predictions:
        if 'error' in each:
            writer.writerow(map(as_cell, [each['img_path'], *[''] * (9 + len(_DRAWN)), each['error']]))
            continue
        drawn = [each[name] for name in _DRAWN]
        image = [each['img_path'], each['width'], each['height']]
        for label, name, score, box in zip(
            each['labels'], each['classes'], each['scores'], each['bboxes'], strict=True
        ):
            writer.writerow(map(as_cell, [*image, label, name, score, *box, *drawn, '']))
        if not each['bboxes']:
            writer.writerow(map(as_cell, [*image, *[''] * 7, *drawn, '']))
    return file.getvalue()


def coco_names(paths: Sequence[str], folder: str | None) -> list[str]:
    """Names of images in a COCO file: their paths in a folder, for many readers join these with a folder of their own.

    Args:
        paths: The images; URLs keep their names.
        folder: The folder; by default the deepest one in which all lie.
    """
    root = folder or _common_folder(paths)
    return [path if '://' in path else Path(osp.relpath(path, root)).as_posix() for path in paths]


def _write_coco(
    output: COCOOutput, predictions: Sequence[dict[str, Any]], classes: Sequence[str], folder: str | None
) -> None:
    """A COCO data set: ids of images and boxes from 1 on; images that failed are left out."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names = coco_names([each['img_path'] for each in predictions], folder)
    for name, each in zip(names, predictions, strict=True):
        if 'error' in each:
            continue
        sizes = dict(width=each['width'], height=each['height'])
        images.append(dict(id=len(images) + 1, file_name=name, **sizes, path=each['img_path']))
        for label, score, box in zip(each['labels'], each['scores'], each['bboxes'], strict=True):
            if box[0] == box[2] or box[1] == box[3]:  # clamped to the last column or row, and no box to COCO's readers
                continue
            number, first = len(annotations) + 1, output.first_category
            annotations.append(coco_annotation(number, len(images), label, box, score, first))
    drawn: dict[str, Any] = next(
        ({name: each[name] for name in _DRAWN} for each in predictions if 'map_kind' in each), {}
    )
    output.write(
        info=dict(description=f'boxes of mmtscam {__version__}', **drawn),
        categories=coco_categories(classes, output.first_category),
        images=images,
        annotations=annotations,
    )


def _common_folder(paths: Sequence[str]) -> str:
    """The deepest folder in which all files lie."""
    folders = [osp.dirname(osp.abspath(path)) for path in paths if '://' not in path]
    return osp.commonpath(folders) if folders else ''


# By format, see PREDICTION_FORMATS: name of the file, and its text.
_TEXTS: dict[str, tuple[str, Callable[[Sequence[dict[str, Any]], Sequence[str]], str]]] = {
    'json': ('predictions.json', _as_json),
    'csv': ('predictions.csv', _as_csv),
}


def write_predictions(
    out_dir: str | Path,
    predictions: Sequence[dict[str, Any]],
    formats: Sequence[str],
    classes: Sequence[str],
    folder: str | None = None,
    coco: COCOOutput | None = None,
) -> list[Path]:
    """Write predictions into files.

    Args:
        out_dir: Their folder, which is made.
        predictions: Results of :func:`sample_to_dict`; those of images that
            failed have ``img_path`` and ``error``.
        formats: Among :data:`~mmtscam.utils.choices.PREDICTION_FORMATS`: ``predictions.json``,
            ``predictions.csv`` with one row a box, and a COCO file.
        classes: Names of all classes.
        folder: Folder in which the COCO file names the images; by default the
            deepest one in which all of them lie.
        coco: Place of the COCO file; by default ``coco.json``.

    Returns:
        Paths of the files.
    """
    files = []
    for kind in formats:
        if kind == 'coco':
            output = coco or COCOOutput(Path(out_dir, 'coco.json'))
            _write_coco(output, predictions, classes, folder)
            files.append(output.file)
            continue
        name, convert = _TEXTS[kind]
        files.append(Path(out_dir, name))
        write_text(files[-1], convert(predictions, classes))
    return files
