"""Check of ILSVRC 2012, and the lists from which it is loaded."""

import csv
import os
import os.path as osp
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mmpretrain.datasets import ImageNet

from ..annotation_files import read_text
from ..boxes import ILSVRCCSVBoxes
from ..boxes.voc_xml import read_voc_xml
from .findings import Findings, Track, no_progress, require_folder

ILSVRC_COUNTS: Mapping[str, int] = MappingProxyType(
    {'training images': 1281167, 'validation images': 50000, 'classes': 1000, 'validation images with boxes': 50000}
)
_IMAGES = osp.join('ILSVRC', 'Data', 'CLS-LOC')
_LISTS = osp.join('ILSVRC', 'ImageSets', 'CLS-LOC')
_XML = osp.join('ILSVRC', 'Annotations', 'CLS-LOC', 'val')
_CSV = 'LOC_val_solution.csv'
_WNID = re.compile(r'n\d{8}')


def check_ilsvrc(
    root: str | os.PathLike, expected: Mapping[str, int] = ILSVRC_COUNTS, track: Track = no_progress
) -> tuple[Findings, dict[str, str]]:
    """Check ILSVRC 2012 in the layout of ILSVRC2017_CLS-LOC.tar.gz and Kaggle's archive.

    ``ILSVRC/Data/CLS-LOC/train/WNID/*.JPEG`` and
    ``ILSVRC/Data/CLS-LOC/val/*.JPEG`` are the images. The boxes are in
    ``ILSVRC/Annotations/CLS-LOC/val/*.xml`` or, without these, in
    ``LOC_val_solution.csv``. Where ``ILSVRC/ImageSets/CLS-LOC`` has
    ``train_cls.txt`` and ``val.txt``, missing images are named.

    Args:
        root: Folder with ``ILSVRC``.
        expected: Expected numbers, by what is counted.
        track: Shows the progress.

    Returns:
        The findings, and the lists ``meta/train.txt`` and ``meta/val.txt`` of
        rows ``path label``. Labels follow the sorted names of the training
        folders. Without these folders, which evaluation does not need, there
        is only the second list, and labels follow the sorted classes of the
        boxes.

    Raises:
        FileNotFoundError: If the validation images, or all boxes, are
            missing.
        ValueError: If a row of the csv file is malformed.
    """
    root = os.fspath(root)
    advice = f'unpack the archive so that there is {osp.join(root, _IMAGES)} with train and val'
    train_dir = osp.join(root, _IMAGES, 'train')
    val_dir = require_folder(osp.join(root, _IMAGES, 'val'), advice)
    findings = Findings(expected)
    classes = _read_classes(findings, root, track)
    has_train = osp.isdir(train_dir)
    train = _list_train(findings, train_dir, track) if has_train else {}
    label_of = {wnid: label for label, wnid in enumerate(sorted(train if has_train else set(classes.values())))}
    if not has_train:
        findings.notes.append('no training images: enough for evaluation')
        if len(label_of) != expected['classes']:
            findings.problems.append(
                f'no training images, and boxes of {len(label_of):,} classes only: labels follow the sorted names of '
                f'all {expected["classes"]:,}, so one of both must be complete'
            )
    paths = [f'{wnid}/{name}' for wnid in label_of for name in train.get(wnid, ())]
    val = _list_images(val_dir)

    for name, images in ([('train_cls.txt', paths)] if has_train else []) + [('val.txt', val)]:
        _compare_list(findings, osp.join(root, _LISTS, name), images)
    stems = {_stem(name): name for name in val}
    findings.complain(
        f'validation images have no box in {_box_source(root)}', (stem for stem in stems if stem not in classes)
    )
    findings.complain(
        f'images with boxes are not in {val_dir}',
        (stem for stem in classes if stem not in stems),
        '' if has_train else 'the images lie in it side by side, not in folders of their classes',
    )
    findings.complain(
        f'validation images are of a class without folder in {train_dir}',
        (f'{stem} ({classes[stem]})' for stem in stems if stem in classes and classes[stem] not in label_of),
    )
    found = (len(paths), len(val), len(label_of), sum(stem in classes for stem in stems))
    findings.counts.update(zip(ILSVRC_COUNTS, found, strict=True))
    lists = {'meta/train.txt': [f'{path} {label_of[path.partition("/")[0]]}\n' for path in paths]} if has_train else {}
    lists['meta/val.txt'] = [
        f'{name} {label_of[classes[stem]]}\n' for stem, name in stems.items() if classes.get(stem) in label_of
    ]
    return findings, {path: ''.join(lines) for path, lines in lists.items()}


def _list_train(findings: Findings, train_dir: str, track: Track) -> dict[str, list[str]]:
    """Names of the training images of each class, the classes sorted."""
    wnids: list[str] = []
    others: list[str] = []
    with os.scandir(train_dir) as entries:
        for entry in entries:
            (wnids if entry.is_dir() and _WNID.fullmatch(entry.name) else others).append(entry.name)
    findings.remark(f'entries of {train_dir} are not used: no folders of a class, as n01440764', sorted(others))
    images = {wnid: _list_images(osp.join(train_dir, wnid)) for wnid in track(sorted(wnids), 'listing training images')}
    findings.complain(f'classes of {train_dir} have no image', (wnid for wnid in images if not images[wnid]))
    return images


def uses_csv(root: str | os.PathLike) -> bool:
    """Whether the boxes are read from the csv file, because there is no XML folder."""
    return not osp.isdir(osp.join(root, _XML))


def _box_source(root: str) -> str:
    return osp.join(root, _CSV if uses_csv(root) else _XML)


def _stem(path: str) -> str:
    return osp.splitext(path)[0]


def _list_images(folder: str) -> list[str]:
    """Sorted names of the images in a folder, without asking the file system about each."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries)
        return sorted(
            name for name in names if name.lower().endswith(ImageNet.IMG_EXTENSIONS) and not name.startswith('.')
        )


def _compare_list(findings: Findings, path: str, images: Iterable[str]) -> None:
    """Name the images that are in a list of the archive (rows ``image number``) but not in the folder."""
    if osp.isfile(path):
        listed = [line.split()[0] for line in read_text(path).split('\n') if line.strip()]
        there = set(map(_stem, images))
        findings.complain(f'images of {path} are not there', (name for name in listed if name not in there))


def _read_classes(findings: Findings, root: str, track: Track) -> dict[str, str]:
    """Classes (wnids) of the validation images, by stem, from the annotations of their boxes."""
    source = _box_source(root)
    if uses_csv(root):
        if not osp.isfile(source):
            raise FileNotFoundError(
                f'{root}: no boxes of the validation images: there is neither {osp.join(root, _XML)} nor {source}'
            )
        ILSVRCCSVBoxes(root, _CSV)  # checks the rows
        rows = list(csv.reader(read_text(source).split('\n')))[1:]
        names = {row[0]: row[1].split()[::5] for row in rows if row}
    else:
        names = {}
        broken = []
        with os.scandir(source) as entries:
            paths = sorted(entry.path for entry in entries if entry.name.endswith('.xml'))
        for path in track(paths, 'reading boxes'):
            try:
                names[_stem(osp.basename(path))] = [found.name for found in read_voc_xml(path).objects]
            except ValueError as error:
                broken.append(error)
        findings.complain('XML files cannot be read', broken)
    findings.remark(
        'validation images have boxes of several classes',
        (stem for stem, found in names.items() if len(set(found)) > 1),
        "the first one's is taken",
    )
    return {stem: found[0] for stem, found in names.items() if found}
