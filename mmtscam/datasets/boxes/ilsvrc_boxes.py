"""Boxes of ILSVRC from its XML files."""

import os.path as osp

import numpy as np

from mmtscam.registry import BOX_READERS

from ..annotation_files import find_folder
from .base_box_reader import BaseBoxReader, no_boxes
from .voc_xml import read_voc_xml


@BOX_READERS.register_module()
class ILSVRCBoxes(BaseBoxReader):
    """Reads all boxes of an image from ILSVRC's XML files, unchanged.

    The file of ``FOLDER/STEM.JPEG`` is ``ann_dir/STEM.xml``, the layout of
    the validation images, or else ``ann_dir/FOLDER/STEM.xml``, the layout of
    the training images.

    Args:
        data_root: Root of the data set.
        ann_dir: Folder of the XML files, relative to ``data_root`` or
            absolute.

    Raises:
        FileNotFoundError: If the folder is missing.
    """

    def __init__(self, data_root: str, ann_dir: str) -> None:
        self._ann_dir = find_folder(data_root, ann_dir)

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`; ``class_name`` is not used.

        Raises:
            ValueError: If the image has no XML file, or that file cannot be
                read.
        """
        folder, name = osp.split(img_path)
        xml_name = f'{osp.splitext(name)[0]}.xml'
        candidates = [osp.join(self._ann_dir, xml_name), osp.join(self._ann_dir, osp.basename(folder), xml_name)]
        path = next(filter(osp.isfile, candidates), None)
        if path is None:
            raise ValueError(f'{self._ann_dir}: no box for image {img_path}: there is no {" and no ".join(candidates)}')
        boxes = [found.box for found in read_voc_xml(path).objects]
        return np.stack(boxes) if boxes else no_boxes()
