"""Boxes of ILSVRC from Kaggle's CSV files."""

import csv
import os.path as osp

import numpy as np

from mmtscam.registry import BOX_READERS

from ..annotation_files import find_file, read_text
from .base_box_reader import BaseBoxReader, check_xyxy, no_boxes

_HEADER = ['ImageId', 'PredictionString']


@BOX_READERS.register_module()
class ILSVRCCSVBoxes(BaseBoxReader):
    """Reads Kaggle's ``LOC_val_solution.csv``: all boxes of an image.

    Below the header ``ImageId,PredictionString`` there is one row an image:
    its file name without extension and groups of ``class x1 y1 x2 y2``, none
    for an image that shows no object.

    Args:
        data_root: Root of the data set.
        ann_file: The CSV file, relative to ``data_root`` or absolute.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the header is another one, a row is malformed or
            doubled, or a box is not finite or inverted.
    """

    def __init__(self, data_root: str, ann_file: str) -> None:
        self._ann_file = find_file(data_root, ann_file)
        self._boxes: dict[str, np.ndarray] = {}
        reader = csv.reader(read_text(self._ann_file).split('\n'))
        try:
            header = next(reader)
            if header != _HEADER:
                raise ValueError(f'{self._ann_file}:1: the header must be {",".join(_HEADER)}, got {",".join(header)}')
            for values in reader:
                if values:
                    self._add(values, f'{self._ann_file}:{reader.line_num}')
        except csv.Error as error:
            raise ValueError(f'{self._ann_file}:{reader.line_num}: not a readable CSV file: {error}') from error

    def _add(self, values: list[str], row: str) -> None:
        if len(values) != 2:
            raise ValueError(f'{row}: needs 2 columns, got {len(values)}')
        image_id, words = values[0], values[1].split()
        if image_id in self._boxes:
            raise ValueError(f'{row}: a second row for image {image_id}')
        if len(words) % 5:
            raise ValueError(f'{row}: needs groups of class x1 y1 x2 y2, got {len(words)} words')
        boxes = [check_xyxy(words[i + 1 : i + 5], row) for i in range(0, len(words), 5)]
        self._boxes[image_id] = np.stack(boxes) if boxes else no_boxes()

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`; ``class_name`` is not used."""
        key = osp.splitext(osp.basename(img_path))[0]
        if key not in self._boxes:
            raise ValueError(f'{self._ann_file}: no box for image {img_path}')
        return self._boxes[key]
