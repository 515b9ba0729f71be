"""Boxes around masks."""

import numpy as np

from mmtscam.localization.regions import components, union_rects
from mmtscam.registry import BOX_READERS, MASK_READERS
from mmtscam.utils.images import look_at_header

from .base_box_reader import BaseBoxReader, no_boxes


@BOX_READERS.register_module()
class MaskBoxes(BaseBoxReader):
    """Draws boxes around the foreground of true masks, for data sets that have masks alone.

    The masks of all images are read when the data set is loaded. A mask lies
    as its image lies in the file, or upright where its proportions say so, and
    boxes belong to the same. Pixels to be ignored are no foreground. An image whose mask has none shows no object.

    Args:
        data_root: Root of the data set.
        masks: Config of a mask reader, e.g. ``dict(type='MaskImages',
            mask_dir='segmentations', foreground_from=128)``. Its ``data_root``
            is the same unless it has one.
        min_area: Draws a box around every 8-connected component with at least
            this share, in [0, 1], of the largest one's pixels, where a mask
            joins several objects. ``None`` for one box around the whole
            foreground, of which something may hide the middle.

    Raises:
        FileNotFoundError: If a file or folder of the masks is missing.
        ValueError: If ``min_area`` is out of range.
    """

    def __init__(self, data_root: str, masks: dict, min_area: float | None = None) -> None:
        if min_area is not None and not 0 <= min_area <= 1:
            raise ValueError(f'min_area must be a share in [0, 1], got {min_area}')
        self._read_mask = MASK_READERS.build({'data_root': data_root, **masks})
        self._min_area = min_area

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseBoxReader.__call__`; the mask reader gets ``class_name``.

        Raises:
            ValueError: If the image has no mask, or image or mask cannot be
                read.
        """
        self._read_mask.check(img_path)
        mask = self._read_mask(img_path, class_name)
        foreground = (mask == 1).view(np.uint8)
        if not foreground.any():
            return no_boxes()
        if self._min_area is None:
            rects = np.array(union_rects(foreground))
        else:
            rects, pixels = components(foreground)
            rects = rects[pixels >= self._min_area * pixels[0]]
        (width, height), turned = look_at_header(img_path)
        if turned and (mask.shape[1] > mask.shape[0]) != (width > height):
            width, height = height, width  # a quarter turn, and the mask was drawn on the upright image
        boxes = np.concatenate([rects[:, :2], rects[:, :2] + rects[:, 2:]], axis=1)
        # A mask may have a resolution of its own.
        return boxes * (np.array([width, height] * 2) / np.tile(mask.shape[::-1], 2))
