"""Check of a user's own images, one folder a class."""

import os
import os.path as osp
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmtscam.utils.image_decoding import open_image
from mmtscam.utils.images import IMAGE_ENDINGS

from ..boxes import COCOBoxes
from .findings import Findings, Track, check_images, no_progress, require_folder

_SPLITS = ('train', 'test')


def check_image_folders(
    root: str | os.PathLike,
    box_files: Sequence[str | os.PathLike] = (),
    img_prefix: str = 'test',
    track: Track = no_progress,
) -> Findings:
    """Check a folder ``root/{train,test}/CLASS/*.jpg`` and boxes of its test images.

    Args:
        root: Folder with ``train`` and ``test``.
        box_files: COCO json files, each of which lists every test image. The
            category of an image's boxes has the name of its folder. An image
            without an annotation shows no object.
        img_prefix: Folder in ``root`` to which ``file_name`` in them is
            relative.
        track: Shows the progress.

    Returns:
        The numbers of images and classes. Problems are splits without
        classes, classes that are empty or not in both splits, unreadable
        images, test images that are not listed, have boxes of other classes
        alone or were annotated at another size, and malformed boxes.

    Raises:
        FileNotFoundError: If a folder or json file is missing.
        ValueError: If a json file is no proper COCO file.
    """
    root = os.fspath(root)
    findings = Findings()
    classes: dict[str, dict[str, list[str]]] = {}
    for split in _SPLITS:
        require_folder(osp.join(root, split), f'the images lie in {osp.join(root, split, "CLASS", "NAME.jpg")}')
        classes[split] = _list_classes(findings, root, split)
        findings.counts[f'{split} images'] = sum(map(len, classes[split].values()))
        if not classes[split]:
            findings.problems.append(
                f'{split} has no folder of a class: the images lie in {osp.join(root, split, "CLASS", "NAME.jpg")}'
            )
        findings.complain(
            f'folders of {split} have no image',
            (name for name, images in classes[split].items() if not images),
            f'images end in {", ".join(IMAGE_ENDINGS)}',
        )
    findings.counts['classes'] = len(classes['train'].keys() | classes['test'].keys())
    for split, other in (_SPLITS, _SPLITS[::-1]):
        findings.complain(
            f'classes are in {split} but not in {other}',
            (name for name in classes[split] if name not in classes[other]),
            'labels count the sorted folders: both splits must have the same',
        )
    images = [path for split in _SPLITS for paths in classes[split].values() for path in paths]
    check_images(findings, 'images', root, images, track)
    for path in box_files:
        _check_boxes(findings, root, os.fspath(path), img_prefix, classes['test'], track)
    return findings


def _list_classes(findings: Findings, root: str, split: str) -> dict[str, list[str]]:
    """Images of each class, relative to the root, as WSOLDataset lets mmpretrain's CustomDataset find them."""
    classes: dict[str, list[str]] = {}
    loose: list[str] = []
    others: list[str] = []
    with os.scandir(osp.join(root, split)) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not entry.is_dir():
                loose.append(f'{split}/{entry.name}')
                continue
            images = classes[entry.name] = []
            for folder, _, names in os.walk(entry.path, followlinks=True):
                for name in sorted(names):
                    wanted = name.lower().endswith(IMAGE_ENDINGS) and not name.startswith('.')
                    (images if wanted else others).append(osp.relpath(osp.join(folder, name), root))
    findings.remark('files lie in no class folder and are not used', loose)
    findings.remark('files are not used', others, f'images end in {", ".join(IMAGE_ENDINGS)}')
    findings.complain(
        f'hidden folders of {split} would be taken for classes',
        (name for name in classes if name.startswith('.')),
        'remove them',
    )
    return classes


def _stored_size(img_path: str) -> tuple[int, int] | None:
    """Width and height of an image as it lies in the file, ``None`` where the file is no image."""
    with suppress(OSError, ValueError), Path(img_path).open('rb') as file, open_image(file) as image:
        return image.size
    return None


def _check_inside(boxes: np.ndarray, img_path: str, size: tuple[int, int], path: str) -> None:
    width, height = size
    for x1, y1, x2, y2 in boxes.tolist():
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise ValueError(
                f'{path}: the box from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}) lies outside {img_path} of {width}x{height}'
            )


def _check_boxes(
    findings: Findings, root: str, path: str, img_prefix: str, classes: dict[str, list[str]], track: Track
) -> None:
    read_boxes = COCOBoxes(root, osp.abspath(path), img_prefix)
    categories = set(map(str, read_boxes.file.categories))
    shown = {
        name: [image for image in images if not read_boxes.file.shows_nothing(osp.join(root, image))]
        for name, images in classes.items()
    }
    findings.complain(
        f'classes are no category of {path}',
        (name for name, images in shown.items() if images and name not in categories),
        f'its categories are {", ".join(sorted(categories)[:10])}',
    )
    findings.remark(f'categories of {path} are no class', sorted(categories - classes.keys()))
    findings.remark(
        f'test images show no object, for {path} lists them without a box',
        (image for name, images in classes.items() for image in images if image not in shown[name]),
        'they count for classification, not for localization',
    )

    bare, wrong, resized = [], [], []
    test_images = [(name, image) for name, images in shown.items() if name in categories for image in images]
    for name, image in track(test_images, 'reading boxes'):
        img_path = osp.join(root, image)
        size = _stored_size(img_path)
        try:
            stated = read_boxes.annotated_size(img_path)
            if size and stated and size != (stated.width, stated.height):
                resized.append(f'{image} ({size[0]}x{size[1]}, there {stated.width}x{stated.height})')
                continue
            boxes = read_boxes(img_path, name)
            if size:
                _check_inside(boxes, img_path, size, path)
        except ValueError as error:
            if read_boxes.file.objects(img_path):
                wrong.append(error)
            else:
                bare.append(image)
    findings.complain(
        f'test images are not listed in {path}',
        bare,
        f'images are named relative to {osp.join(root, img_prefix)} there; the first is {read_boxes.file.first_image}',
    )
    findings.complain(
        f'test images have another size than {path} says',
        resized,
        'scale the boxes to the images or, if they fit, correct width and height there; where sides are swapped, the '
        'boxes may be those of the image as its EXIF orientation turns it, and tests see it as it lies in the file',
    )
    findings.complain('test images have no proper box', wrong)
    boxed = len(test_images) - len(bare) - len(wrong) - len(resized)
    if not (boxed or bare or wrong or resized):
        findings.problems.append(f'{path}: no test image has a box, so localization cannot be measured')
    findings.counts[f'test images with a box in {path}'] = boxed
