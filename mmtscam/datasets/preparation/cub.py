"""Check of CUB-200-2011."""

import os
import os.path as osp
from collections.abc import Mapping
from types import MappingProxyType

from ..annotation_files import read_text
from ..boxes import CUBBoxes
from .findings import Findings, Track, check_images, missing_files, no_progress, require_folder

CUB_COUNTS: Mapping[str, int] = MappingProxyType(
    {'training images': 5994, 'test images': 5794, 'classes': 200, 'boxes': 11788}
)
_TABLES = ('images.txt', 'image_class_labels.txt', 'train_test_split.txt', 'bounding_boxes.txt')


def check_cub(
    root: str | os.PathLike,
    expected: Mapping[str, int] = CUB_COUNTS,
    decode: bool = False,
    track: Track = no_progress,
) -> Findings:
    """Check an unpacked CUB-200-2011.

    Args:
        root: Folder with ``images`` and the text files.
        expected: Expected numbers, by what is counted.
        decode: Also read every image.
        track: Shows the progress.

    Returns:
        The numbers of images, classes and boxes. Problems are missing or
        unreadable images, images without a row in a text file, and rows
        without an image.

    Raises:
        FileNotFoundError: If the folder or a text file is missing; names all
            of them.
        ValueError: If a row is malformed or doubled.
    """
    root = require_folder(os.fspath(root), 'unpack CUB_200_2011.tgz and name its folder CUB_200_2011')
    if absent := [name for name in _TABLES if not osp.isfile(osp.join(root, name))]:
        raise FileNotFoundError(f'{root}: there is no {" and no ".join(absent)}; unpack CUB_200_2011.tgz again')
    images, labels, splits, boxes = (_read_table(osp.join(root, name)) for name in _TABLES)
    findings = Findings(expected)
    for name, table in zip(_TABLES[1:], (labels, splits, boxes), strict=True):
        findings.complain(f'images have no row in {name}', (images[key] for key in images if key not in table))
        findings.complain(f'rows of {name} are of no image in images.txt', (key for key in table if key not in images))

    findings.complain(
        'images are neither for training (1) nor for testing (0) in train_test_split.txt',
        (images[key] for key, value in splits.items() if key in images and value not in ('0', '1')),
    )
    highest = CUB_COUNTS['classes']
    findings.complain(
        f'images have no label from 1 to {highest} in image_class_labels.txt',
        (
            images[key]
            for key, value in labels.items()
            if key in images and not (value.isdecimal() and len(value) < 9 and 1 <= int(value) <= highest)
        ),
    )
    findings.counts['training images'] = sum(splits.get(key) == '1' for key in images)
    findings.counts['test images'] = sum(splits.get(key) == '0' for key in images)
    used = {labels[key] for key in images if key in labels}
    findings.counts['classes'] = len(used)
    if not findings.problems and len(used) != max(map(int, used), default=0):
        findings.problems.append(
            f'the {len(used)} classes go up to {max(map(int, used))}: a part must hold the first classes without a gap'
        )
    findings.counts['boxes'] = sum(key in boxes for key in images)

    folder = osp.join(root, 'images')
    missing = missing_files(folder, list(images.values()), track, 'looking for images')
    findings.complain(f'listed images are not in {folder}', missing)
    if decode:
        present = sorted(set(images.values()) - set(missing))
        check_images(findings, f'images of {folder}', folder, present, track)
    if not findings.problems:
        CUBBoxes(root)  # checks the boxes themselves
    return findings


def _read_table(path: str) -> dict[str, str]:
    """Read rows ``id value`` as values by id."""
    table: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split('\n'), start=1):
        if not line.strip():
            continue
        key, _, value = line.strip().partition(' ')
        if not value or key in table:
            problem = f'a second row for image {key}' if key in table else f'needs an id and a value, got {line!r}'
            raise ValueError(f'{path}:{number}: {problem}')
        table[key] = value.strip()
    return table
