"""The soft mask of an ellipse."""

from torch import Tensor

from mmtscam.registry import MODELS

from .shape_mask import ShapeMask


@MODELS.register_module()
class EllipseMask(ShapeMask):
    """Draws rotated ellipses: g = u² + v²."""

    def distance(self, u: Tensor, v: Tensor) -> Tensor:
        """See :meth:`ShapeMask.distance`."""
        return u.square() + v.square()
