"""Predictions as plain values, and as files."""

import csv
import io
import json
import os.path as osp
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmtscam.datasets.coco import coco_annotation, coco_categories
from mmtscam.structures import LocDataSample
from mmtscam.utils.class_names import class_name
from mmtscam.utils.files import write_text
from mmtscam.version import __version__

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


def _as_json(predictions: Sequence[dict[str, Any]], classes: Sequence[str], folder: str | None) -> str:
    """All predictions and the names of the classes."""
    return json.dumps(dict(mmtscam=__version__, classes=list(classes), predictions=list(predictions)), indent=1) + '\n'


def _as_csv(predictions: Sequence[dict[str, Any]], classes: Sequence[str], folder: str | None) -> str:
    """One row a box, or one without a box, or with the error."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(
        ['img_path', 'width', 'height', 'label', 'class', 'score', 'x1', 'y1', 'x2', 'y2', *_DRAWN, 'error']
    )
    for each in predictions:
        if 'error' in each:
            writer.writerow([each['img_path'], *[''] * (9 + len(_DRAWN)), each['error']])
            continue
        drawn = [each[name] for name in _DRAWN]
        image = [each['img_path'], each['width'], each['height']]
        for label, name, score, box in zip(
            each['labels'], each['classes'], each['scores'], each['bboxes'], strict=True
        ):
            writer.writerow([*image, label, name, score, *box, *drawn, ''])
        if not each['bboxes']:
            writer.writerow([*image, *[''] * 7, *drawn, ''])
    return file.getvalue()


def _as_coco(predictions: Sequence[dict[str, Any]], classes: Sequence[str], folder: str | None) -> str:
    """A COCO data set: ids from 1 on, category ``label + 1``; images that failed are left out.

    Images are named by their paths in the folder: many readers join these with a folder of their own.
    """
    root = folder or _common_folder([each['img_path'] for each in predictions])
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for each in predictions:
        if 'error' in each:
            continue
        name = each['img_path'] if '://' in each['img_path'] else Path(osp.relpath(each['img_path'], root)).as_posix()
        images.append(dict(id=len(images) + 1, file_name=name, width=each['width'], height=each['height']))
        for label, score, box in zip(each['labels'], each['scores'], each['bboxes'], strict=True):
            if box[0] == box[2] or box[1] == box[3]:  # clamped to the last column or row, and no box to COCO's readers
                continue
            annotations.append(coco_annotation(len(annotations) + 1, len(images), label, box, score))
    categories = coco_categories(classes)
    drawn: dict[str, Any] = next(
        ({name: each[name] for name in _DRAWN} for each in predictions if 'map_kind' in each), {}
    )
    info = dict(description=f'boxes of mmtscam {__version__}', **drawn)
    return (
        json.dumps(dict(info=info, licenses=[], images=images, annotations=annotations, categories=categories)) + '\n'
    )


def _common_folder(paths: Sequence[str]) -> str:
    """The deepest folder in which all files lie."""
    folders = [osp.dirname(osp.abspath(path)) for path in paths if '://' not in path]
    return osp.commonpath(folders) if folders else ''


# By format, see PREDICTION_FORMATS: name of the file, and what writes it.
_WRITERS: dict[str, tuple[str, Callable[[Sequence[dict[str, Any]], Sequence[str], str | None], str]]] = {
    'json': ('predictions.json', _as_json),
    'csv': ('predictions.csv', _as_csv),
    'coco': ('coco.json', _as_coco),
}


def write_predictions(
    out_dir: str | Path,
    predictions: Sequence[dict[str, Any]],
    formats: Sequence[str],
    classes: Sequence[str],
    folder: str | None = None,
) -> list[Path]:
    """Write predictions into files.

    Args:
        out_dir: Their folder, which is made.
        predictions: Results of :func:`sample_to_dict`; those of images that
            failed have ``img_path`` and ``error``.
        formats: Among :data:`~mmtscam.utils.choices.PREDICTION_FORMATS`: ``predictions.json``,
            ``predictions.csv`` with one row a box, and ``coco.json``.
        classes: Names of all classes.
        folder: Folder in which ``coco.json`` names the images; by default the
            deepest one in which all of them lie.

    Returns:
        Paths of the files.
    """
    files = []
    for kind in formats:
        name, convert = _WRITERS[kind]
        files.append(Path(out_dir, name))
        write_text(files[-1], convert(predictions, classes, folder))
    return files
