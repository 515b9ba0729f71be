"""Readers of mask annotations, one for each format."""

from .base_mask_reader import BaseMaskReader
from .coco_masks import COCOMasks
from .mask_images import MaskImages
from .open_images_masks import OpenImagesMasks

__all__ = ['BaseMaskReader', 'COCOMasks', 'MaskImages', 'OpenImagesMasks']
