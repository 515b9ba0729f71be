"""Masks that are image files, one an image."""

import os.path as osp

import numpy as np

from mmtscam.registry import MASK_READERS

from ..annotation_files import find_folder, image_key
from .base_mask_reader import BaseMaskReader, read_grey

# The mask's values for the values 0 (which does not occur) to 3 of a trimap.
_TRIMAP = np.array([0, 1, 0, 255], np.uint8)


@MASK_READERS.register_module()
class MaskImages(BaseMaskReader):
    """Reads mask images that have the same folders and names as the images.

    The mask of ``data_root/img_prefix/NAME.jpg`` is ``mask_dir/NAME`` and the
    suffix; NAME may have folders.

    Args:
        data_root: Root of the data set.
        mask_dir: Folder of the masks, relative to ``data_root`` or absolute.
        suffix: End of a mask's file name.
        convention: ``foreground``: grey values from ``foreground_from`` are
            foreground, others background. ``trimap``: 1 is foreground, 2
            background, 3 ignore, as in Oxford-IIIT Pet; in an image with a
            palette these are its indices.
        foreground_from: Lowest grey value of the foreground, up to 65535 in a
            file of 16 bits. It is 128 for
            CUB-200-2011, where several people drew each segmentation.
        img_prefix: Folder in ``data_root`` that corresponds to ``mask_dir``.

    Raises:
        FileNotFoundError: If the folder is missing.
        ValueError: If the convention is another one.
    """

    def __init__(
        self,
        data_root: str,
        mask_dir: str,
        suffix: str = '.png',
        convention: str = 'foreground',
        foreground_from: int = 1,
        img_prefix: str = 'images',
    ) -> None:
        if convention not in ('foreground', 'trimap'):
            raise ValueError(f"convention must be 'foreground' or 'trimap', got {convention!r}")
        self._mask_dir = find_folder(data_root, mask_dir)
        self._suffix = suffix
        self._convention = convention
        self._foreground_from = foreground_from
        self._img_root = osp.join(data_root, img_prefix)

    def _mask_path(self, img_path: str) -> str:
        stem = osp.splitext(image_key(img_path, self._img_root))[0]
        return osp.join(self._mask_dir, stem + self._suffix)

    def check(self, img_path: str) -> None:
        """See :meth:`BaseMaskReader.check`."""
        path = self._mask_path(img_path)
        if not osp.isfile(path):
            raise ValueError(f'{path}: no mask for image {img_path}: there is no such file')

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseMaskReader.__call__`; ``class_name`` is not used."""
        path = self._mask_path(img_path)
        grey = read_grey(path, indices=self._convention == 'trimap')
        if self._convention == 'foreground':
            return (grey >= self._foreground_from).astype(np.uint8)
        others = np.setdiff1d(grey, (1, 2, 3))
        if others.size:
            raise ValueError(f'{path}: a trimap has the values 1, 2 and 3, but here is {", ".join(map(str, others))}')
        return _TRIMAP[grey]
