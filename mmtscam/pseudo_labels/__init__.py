"""Boxes for a data set that has none: predicted, and written as a COCO file."""

from .image_rows import SPLITS, DatasetRows, ImageRow, build_dataset, folder_rows
from .labelling import LABELS, LabelSettings, label_parts
from .parts import PartFolder, rows_digest

__all__ = [
    'LABELS',
    'SPLITS',
    'DatasetRows',
    'ImageRow',
    'LabelSettings',
    'PartFolder',
    'build_dataset',
    'folder_rows',
    'label_parts',
    'rows_digest',
]
