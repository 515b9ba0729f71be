"""A closer look at the object in training images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmtscam.localization import window_around
from mmtscam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CropAroundBox(BaseTransform):
    """Crops an image at random around its box, most often a predicted one.

    The crop is a square of the box's longer side, up to random factors, and
    lies within the image. Put this step before those that resize. Boxes of a
    model come into training by ``boxes=dict(type='COCOBoxes',
    ann_file='pseudo_boxes.json')`` of the data set; with true boxes training
    is no longer weakly supervised. An image in which there is no box, since
    it shows no object, stays whole.

    Args:
        scale: Least and largest side of the crop, in longer sides of the box.
        aspect: Least and largest width over height.
        shift: How far the crop's centre may be from the box's to each side,
            in longer sides of the box.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self, scale: Sequence[float] = (0.8, 1.6), aspect: Sequence[float] = (0.75, 4 / 3), shift: float = 0.15
    ) -> None:
        for name, pair in (('scale', scale), ('aspect', aspect)):
            if not isinstance(pair, Sequence) or len(pair) != 2 or not 0 < pair[0] <= pair[1]:
                raise ValueError(f'{name} must be two positive numbers, the smaller one first, got {pair}')
        if not isinstance(shift, (int, float)) or shift < 0:
            raise ValueError(f'shift must be at least 0, got {shift}')
        self.scale = tuple(scale)
        self.aspect = tuple(aspect)
        self.shift = shift

    def transform(self, results: dict) -> dict:
        """Crop one image.

        Args:
            results: Has ``img`` (H, W, C), not yet resized, and
                ``instances``, whose boxes are in its pixels. If there are several,
                one is drawn.

        Returns:
            The same dict with another ``img`` and ``img_shape``, and with
            ``zoomed``, which heads find in the sample.

        Raises:
            ValueError: If boxes are not known, the box does not lie in the
                image, or the image has been resized or mirrored.
        """
        image = results['img']
        if results.get('instances') is None:
            raise ValueError(
                "CropAroundBox needs a box: give the data set boxes, such as dict(type='COCOBoxes', "
                "ann_file='pseudo_boxes.json') with a file of pseudo_label.py"
            )
        if not results['instances']:
            return results
        if tuple(results.get('ori_shape', image.shape)[:2]) != image.shape[:2]:
            raise ValueError('CropAroundBox works in the pixels of the file: put it before steps that resize or crop')
        if results.get('flip'):
            raise ValueError('the image is mirrored and its boxes are not: put CropAroundBox before RandomFlip')
        place, factors = self._draw(len(results['instances']))
        height, width = image.shape[:2]
        box = tuple(results['instances'][place]['bbox'])
        if min(box) < -1 or box[2] > width + 1 or box[3] > height + 1:
            raise ValueError(
                f'the box {[round(edge) for edge in box]} does not lie in the image of {width}x{height} pixels: load '
                'it turned as it was for the boxes, those of pseudo_label.py with color_type=color'
            )
        window = window_around(box, (width, height), **factors)
        left, top = (int(edge) for edge in window[:2])
        right, bottom = (int(np.ceil(edge)) for edge in window[2:])
        results['img'] = image[top:bottom, left:right]
        results['img_shape'] = results['img'].shape[:2]
        results['zoomed'] = True
        return results

    @cache_randomness
    def _draw(self, count: int) -> tuple[int, dict[str, Any]]:
        """Draw one of the boxes, and how the crop differs from the square around it."""
        # Seeded as mmcv's transforms are. Factors are as likely as their reciprocals.
        uniform = np.random.uniform
        return np.random.randint(count), dict(  # noqa: NPY002
            scale=float(np.exp(uniform(*np.log(self.scale)))),
            aspect=float(np.exp(uniform(*np.log(self.aspect)))),
            shift=(uniform(-self.shift, self.shift), uniform(-self.shift, self.shift)),
        )
