"""Pseudo boxes: predicting boxes for a data set that has none, and writing them as a COCO file."""

from .folder_rows import FolderRows, folder_rows
from .image_rows import DatasetRows, ImageRow, build_dataset
from .labelling import LabelSettings, label_parts
from .parts import PartFolder, rows_digest

__all__ = [
    'DatasetRows',
    'FolderRows',
    'ImageRow',
    'LabelSettings',
    'PartFolder',
    'build_dataset',
    'folder_rows',
    'label_parts',
    'rows_digest',
]
