"""Boxes of the WSOL benchmark."""

import os.path as osp

import numpy as np

from mmtscam.registry import BOX_READERS

from ..annotation_files import find_file, image_key, read_comma_rows
from .base_box_reader import BaseBoxReader, check_xyxy


@BOX_READERS.register_module()
class BenchmarkBoxes(BaseBoxReader):
    """Reads ``localization.txt`` of the WSOL benchmark of Choe et al.

    Its rows are ``image_id,x0,y0,x1,y1``. An image with several boxes has
    several rows.

    Args:
        data_root: Folder to which the image ids, which are paths, are
            relative.
        metadata: Folder with ``localization.txt``, relative to ``data_root``
            or absolute.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a row is malformed or a box is not finite or inverted.
    """

    def __init__(self, data_root: str, metadata: str) -> None:
        self._data_root = data_root
        self._ann_file = find_file(data_root, osp.join(metadata, 'localization.txt'))
        boxes: dict[str, list[np.ndarray]] = {}
        for row, (image_id, *values) in read_comma_rows(self._ann_file, 'image_id,x0,y0,x1,y1'):
            boxes.setdefault(osp.normpath(image_id), []).append(check_xyxy(values, row))
        self._boxes = {key: np.stack(found) for key, found in boxes.items()}

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`; ``class_name`` is not used."""
        key = image_key(img_path, self._data_root)
        if key not in self._boxes:
            raise ValueError(f'{self._ann_file}: no box for image {img_path}')
        return self._boxes[key]
