"""Boxes of CUB-200-2011."""

import os.path as osp

import numpy as np

from mmtscam.registry import BOX_READERS

from ..annotation_files import image_key, read_text
from .base_box_reader import BaseBoxReader, xywh_to_xyxy


@BOX_READERS.register_module()
class CUBBoxes(BaseBoxReader):
    """Reads ``bounding_boxes.txt`` of CUB-200-2011: one box an image.

    Args:
        data_root: Folder with ``images.txt`` (``id path``) and the images.
        ann_file: File in it with rows ``id x y width height``.
        img_prefix: Folder in it to which the paths of ``images.txt`` are
            relative.

    Raises:
        FileNotFoundError: If one of the two files is missing.
        ValueError: If a row is malformed or doubled, a box is not finite or
            inverted, an image has no box row or a box row no image.
    """

    def __init__(self, data_root: str, ann_file: str = 'bounding_boxes.txt', img_prefix: str = 'images') -> None:
        self._ann_file = osp.join(data_root, ann_file)
        self._img_root = osp.join(data_root, img_prefix)
        images_file = osp.join(data_root, 'images.txt')
        images = {key: values[0] for key, _, values in _read_rows(images_file, columns=2)}
        boxes = {}
        for key, row, values in _read_rows(self._ann_file, columns=5):
            if key not in images:
                raise ValueError(f'{row}: a box for image {key}, which {images_file} does not list')
            boxes[key] = xywh_to_xyxy(values, row)
        for key, path in images.items():
            if key not in boxes:
                raise ValueError(f'{self._ann_file}: no box for image {key} ({path})')
        self._boxes = {osp.normpath(images[key]): box[None] for key, box in boxes.items()}

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`; the array is ``(1, 4)``, ``class_name`` is not used."""
        key = image_key(img_path, self._img_root)
        if key not in self._boxes:
            raise ValueError(f'{self._ann_file}: no box for image {img_path}')
        return self._boxes[key]


def _read_rows(path: str, columns: int) -> list[tuple[str, str, list[str]]]:
    """Read ``id value ...`` rows as (id, FILE:LINE, values); every id must be there once."""
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: annotation file not found; data_root must hold the CUB-200-2011 layout')
    rows, seen = [], set()
    for number, line in enumerate(read_text(path).split('\n'), start=1):
        if not line.strip():
            continue
        row = f'{path}:{number}'
        key, *values = line.split(maxsplit=columns - 1 if columns == 2 else -1)
        if len(values) != columns - 1:
            raise ValueError(f'{row}: needs {columns} columns, got {line.strip()!r}')
        if key in seen:
            raise ValueError(f'{row}: a second row for image {key}')
        seen.add(key)
        rows.append((key, row, [value.strip() for value in values]))
    return rows
