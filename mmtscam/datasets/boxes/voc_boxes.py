"""Boxes in Pascal VOC's format."""

import os.path as osp

import numpy as np

from mmtscam.registry import BOX_READERS
from mmtscam.utils.annotated_size import AnnotatedSize

from ..annotation_files import find_folder
from .base_box_reader import BaseBoxReader, no_boxes
from .voc_xml import XMLImage, read_voc_xml


@BOX_READERS.register_module()
class VOCBoxes(BaseBoxReader):
    """Reads Pascal VOC's XML files: one for each image, with the image's name.

    VOC counts pixels from 1; the reader returns boxes that count from 0.
    Objects marked as difficult are left out, as in VOC's own evaluation. An
    image whose file lists no object at all shows none.

    Args:
        data_root: Root of the data set.
        ann_dir: Folder of the XML files, relative to ``data_root`` or
            absolute.
        match_class: Take only objects named as the image's class; otherwise
            every object.

    Raises:
        FileNotFoundError: If the folder is missing.
    """

    def __init__(self, data_root: str, ann_dir: str = 'Annotations', match_class: bool = True) -> None:
        self._ann_dir = find_folder(data_root, ann_dir)
        self._match_class = match_class
        self._last: tuple[str, XMLImage] | None = None

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`.

        Raises:
            ValueError: If the image has no XML file, that file cannot be
                read or has objects but no box (of the image's class), or, with
                ``match_class``, there is no ``class_name``.
        """
        path = self._xml_path(img_path)
        if self._match_class and class_name is None:
            raise ValueError(
                f'{path}: the data set has no class names, but the boxes of the class of {img_path} are wanted; name '
                'the classes in metainfo, or set match_class=False to take every box'
            )
        objects = self._read(img_path).objects
        if not objects:
            return no_boxes()
        boxes = [
            found.box - 1
            for found in objects
            if not found.difficult and (found.name == class_name or not self._match_class)
        ]
        if not boxes:
            wanted = f'no box of class {class_name!r}' if self._match_class else 'no box'
            names = ', '.join(sorted({found.name for found in objects})) or 'none'
            hint = '; set match_class=False to take every box' if self._match_class else ''
            raise ValueError(
                f'{path}: {wanted} for image {img_path} (its objects are {names}; difficult ones do not count){hint}'
            )
        return np.stack(boxes)

    def annotated_size(self, img_path: str) -> AnnotatedSize | None:
        """``size`` of the image's file."""
        return self._read(img_path).size

    def _xml_path(self, img_path: str) -> str:
        path = osp.join(self._ann_dir, f'{osp.splitext(osp.basename(img_path))[0]}.xml')
        if not osp.isfile(path):
            raise ValueError(f'{self._ann_dir}: no box for image {img_path}: there is no {path}')
        return path

    def _read(self, img_path: str) -> XMLImage:
        """The content of an image's file; several questions are asked of one image in turn."""
        if self._last is None or self._last[0] != img_path:
            self._last = img_path, read_voc_xml(self._xml_path(img_path))
        return self._last[1]
