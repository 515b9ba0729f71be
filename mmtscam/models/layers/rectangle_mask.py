"""The soft mask of a rectangle."""

import torch
from torch import Tensor

from mmtscam.registry import MODELS

from .shape_mask import ShapeMask


@MODELS.register_module()
class RectangleMask(ShapeMask):
    """Draws rotated rectangles: g = max(|u|, |v|)."""

    def distance(self, u: Tensor, v: Tensor) -> Tensor:
        """See :meth:`ShapeMask.distance`."""
        return torch.maximum(u.abs(), v.abs())
