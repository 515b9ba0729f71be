"""Readers of box annotations, one format each."""

from .base_box_reader import BaseBoxReader
from .cub_boxes import CUBBoxes

__all__ = ['BaseBoxReader', 'CUBBoxes']
