"""Reading and writing COCO's json files."""

from .output import COCOOutput
from .reading import COCOFile, COCOObject
from .writing import coco_annotation, coco_categories, write_coco

__all__ = ['COCOFile', 'COCOObject', 'COCOOutput', 'coco_annotation', 'coco_categories', 'write_coco']
