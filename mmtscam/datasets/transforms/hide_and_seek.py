"""Hide-and-Seek: patches of training images are hidden."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmtscam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class HideAndSeek(BaseTransform):
    """Hides patches of a grid at random, in the mean colour.

    The network cannot rely on the most discriminative part alone, because
    that part may be hidden. Put this step after those that resize and crop.

    Reference: Singh and Lee, "Hide-and-Seek", ICCV 2017, Section 3.1; the
    grid sizes are the paper's for many patch sizes.

    Args:
        grid_sizes: Sides of a patch in pixels. One of them is drawn for every
            image; 0 hides nothing. Patches at the right and lower edge may be
            smaller.
        drop_prob: Probability that a patch is hidden.
        fill: Colour of a hidden patch in the order R, G, B. With the model's
            ``mean`` a hidden patch is about zero after normalisation.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        grid_sizes: Sequence[int] = (0, 16, 32, 44, 56),
        drop_prob: float = 0.5,
        fill: Sequence[float] = (123.675, 116.28, 103.53),
    ) -> None:
        if not grid_sizes or min(grid_sizes) < 0:
            raise ValueError(f'grid_sizes must be numbers of pixels, got {list(grid_sizes)}')
        if not 0 <= drop_prob <= 1:
            raise ValueError(f'drop_prob must be in [0, 1], got {drop_prob}')
        if len(fill) != 3 or not all(0 <= value <= 255 for value in fill):
            raise ValueError(f'fill must be R, G and B in [0, 255], got {list(fill)}')
        self.grid_sizes = tuple(grid_sizes)
        self.drop_prob = drop_prob
        self.fill = tuple(fill)

    def transform(self, results: dict) -> dict:
        """Hide patches of one image.

        Args:
            results: Has ``img`` (H, W, 3) ``uint8`` BGR.

        Returns:
            The same dict with another ``img``.
        """
        image = results['img']
        size, hidden = self._draw(*image.shape[:2])
        if size:
            hidden = hidden.repeat(size, axis=0).repeat(size, axis=1)[: image.shape[0], : image.shape[1]]
            fill = np.rint(self.fill[::-1]).astype(image.dtype)
            results['img'] = np.where(hidden[..., None], fill, image)
        return results

    @cache_randomness
    def _draw(self, height: int, width: int) -> tuple[int, np.ndarray]:
        """Draw the side of a patch and which patches are hidden."""
        size = int(np.random.choice(self.grid_sizes))  # noqa: NPY002 - seeded as mmcv's transforms are
        shape = (-(-height // size), -(-width // size)) if size else (0, 0)
        return size, np.random.random(shape) < self.drop_prob  # noqa: NPY002
