"""Reading and writing COCO's json files."""

from .reading import COCOFile, COCOObject
from .writing import coco_annotation, coco_categories, write_coco

__all__ = ['COCOFile', 'COCOObject', 'coco_annotation', 'coco_categories', 'write_coco']
