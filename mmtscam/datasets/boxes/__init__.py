"""Readers of box annotations, one for each format."""

from .base_box_reader import BaseBoxReader
from .benchmark_boxes import BenchmarkBoxes
from .coco_boxes import COCOBoxes
from .cub_boxes import CUBBoxes
from .ilsvrc_boxes import ILSVRCBoxes
from .ilsvrc_csv_boxes import ILSVRCCSVBoxes
from .mask_boxes import MaskBoxes
from .voc_boxes import VOCBoxes

__all__ = [
    'BaseBoxReader',
    'BenchmarkBoxes',
    'COCOBoxes',
    'CUBBoxes',
    'ILSVRCBoxes',
    'ILSVRCCSVBoxes',
    'MaskBoxes',
    'VOCBoxes',
]
