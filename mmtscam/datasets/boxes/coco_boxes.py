"""Boxes in COCO's format."""

import numpy as np

from mmtscam.datasets.coco import COCOFile, COCOObject
from mmtscam.registry import BOX_READERS
from mmtscam.utils.annotated_size import AnnotatedSize

from .base_box_reader import BaseBoxReader, no_boxes, xywh_to_xyxy


@BOX_READERS.register_module()
class COCOBoxes(BaseBoxReader):
    """Reads the boxes of a COCO json file; crowds (``iscrowd``) are left out.

    An image that is listed without any annotation shows no object.

    Args:
        data_root: Root of the data set.
        ann_file: The json file, relative to ``data_root`` or absolute.
        img_prefix: Folder in ``data_root`` to which ``file_name`` of the
            images is relative.
        match_class: Take only boxes whose category is named as the image's
            class; otherwise every box.

    Attributes:
        file: The file's content.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no proper COCO file.
    """

    def __init__(self, data_root: str, ann_file: str, img_prefix: str = '', match_class: bool = True) -> None:
        self.file = COCOFile(data_root, ann_file, img_prefix, field='bbox')
        self._match_class = match_class

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`.

        Raises:
            ValueError: If the image is not listed or has no box of its class
                but others, a box is not finite, inverted or empty or lies
                outside the size that the file gives the image, or, with
                ``match_class``, ``class_name`` is none of the categories.
        """
        if self.file.shows_nothing(img_path):
            return no_boxes()
        objects = self.file.objects_of_class(img_path, class_name) if self._match_class else self.file.objects(img_path)
        boxes = [self._box(found, img_path) for found in objects if not found.crowd]
        if not boxes:
            raise ValueError(self.file.what_is_missing(img_path, class_name if self._match_class else None, 'box'))
        return np.stack(boxes)

    def _box(self, found: COCOObject, img_path: str) -> np.ndarray:
        box = xywh_to_xyxy(found.value if isinstance(found.value, list) else [found.value], found.where)
        if self.file.has_size(img_path):
            height, width = self.file.size(img_path)
            if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
                raise ValueError(f'{found.where}: the box {found.value} lies outside its image of {width}x{height}')
        return box

    def img_id(self, img_path: str) -> int | None:
        """The image's ``id`` in the file, by which mmdet's ``CocoMetric`` finds it again in ``ann_file``."""
        return self.file.image_id(img_path)

    def annotated_size(self, img_path: str) -> AnnotatedSize | None:
        """``width`` and ``height`` of the image's entry."""
        if not self.file.has_size(img_path):
            return None
        height, width = self.file.size(img_path)
        return AnnotatedSize(self.file.path, width, height)
