"""Masks of OpenImages30k."""

import os.path as osp

import cv2
import numpy as np

from mmtscam.registry import MASK_READERS

from ..annotation_files import find_file, find_folder, image_key, read_comma_rows
from .base_mask_reader import BaseMaskReader, join_mask, read_grey


@MASK_READERS.register_module()
class OpenImagesMasks(BaseMaskReader):
    """Reads OpenImages30k in the layout of the WSOL benchmark of Choe et al.

    ``localization.txt`` has rows ``image_id,mask_path,ignore_path``, one for
    each object of an image. The first row of an image names the file of the
    regions to ignore, or none. Every file is brought to one size by nearest
    neighbour; its region has the values above 0.5. The foreground is the
    union of the objects. The regions to ignore leave out the foreground.

    Args:
        data_root: Folder to which the image ids, which are paths, are
            relative.
        metadata: Folder with ``localization.txt``, relative to ``data_root``
            or absolute.
        mask_root: Folder to which the paths of the masks are relative;
            itself relative to ``data_root`` or absolute. By default
            ``data_root``.
        size: Width and height of the masks that the reader returns. The files
            of one image may differ in size, so they need a common one.

    Raises:
        FileNotFoundError: If the file or folder is missing.
        ValueError: If a row is malformed.
    """

    def __init__(
        self, data_root: str, metadata: str, mask_root: str | None = None, size: tuple[int, int] = (224, 224)
    ) -> None:
        self._data_root = data_root
        self._ann_file = find_file(data_root, osp.join(metadata, 'localization.txt'))
        self._mask_root = data_root if mask_root is None else find_folder(data_root, mask_root)
        self._size = size
        self._masks: dict[str, list[str]] = {}
        self._ignored: dict[str, str] = {}
        for row, (image_id, mask, ignored) in read_comma_rows(self._ann_file, 'image_id,mask_path,ignore_path'):
            key = osp.normpath(image_id)
            if not mask:
                raise ValueError(f'{row}: no mask_path for image {image_id}')
            if ignored and key in self._masks:
                raise ValueError(f'{row}: an ignore_path must stand in the first row of image {image_id}')
            if ignored:
                self._ignored[key] = ignored
            self._masks.setdefault(key, []).append(mask)

    def check(self, img_path: str) -> None:
        """See :meth:`BaseMaskReader.check`."""
        if image_key(img_path, self._data_root) not in self._masks:
            raise ValueError(f'{self._ann_file}: no mask for image {img_path}')

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseMaskReader.__call__`; ``class_name`` is not used.

        The mask has the ``size`` of the reader, not the image's.
        """
        self.check(img_path)
        key = image_key(img_path, self._data_root)
        foreground = np.any([self._read(path) for path in self._masks[key]], axis=0)
        ignore = self._read(self._ignored[key]) if key in self._ignored else np.zeros_like(foreground)
        return join_mask(foreground, ignore)

    def _read(self, path: str) -> np.ndarray:
        grey = read_grey(osp.join(self._mask_root, path))
        return cv2.resize(grey, tuple(self._size), interpolation=cv2.INTER_NEAREST) > 0.5
