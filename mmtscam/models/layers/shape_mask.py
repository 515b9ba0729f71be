"""The soft mask of a shape, whatever the shape is."""

import math
from abc import ABCMeta, abstractmethod

import torch
from torch import Tensor, nn

from mmtscam.localization.precision import full_precision, without_autocast

# Least side, far below a pixel: distances in halves of smaller ones would overflow.
_LEAST = 1e-4


class ShapeMask(nn.Module, metaclass=ABCMeta):
    """Draws shapes as soft masks, by a formula without weights but one.

    The mask is ½ − atan(s(g − 1))/π, where g is 1 on the shape's edge, so it
    is ½ exactly there, more inside and less outside. The slope s is learned.

    Reference: the code released with Lu et al., "Geometry Constrained Weakly
    Supervised Object Localization" (GC-Net), ECCV 2020, as specified in
    formulas. A subclass has its own g.

    Args:
        slope: Slope s to start from.

    Raises:
        ValueError: If ``slope`` is not above 0.
    """

    def __init__(self, slope: float = 10.0) -> None:
        super().__init__()
        if not slope > 0:
            raise ValueError(f'slope must be above 0, got {slope}')
        self.slope = nn.Parameter(torch.tensor(float(slope)))

    @abstractmethod
    def distance(self, u: Tensor, v: Tensor) -> Tensor:
        """Compute g, which is 0 in the centre, 1 on the edge and more outside.

        Args:
            u: ``(B, H, W)`` coordinates along the shape's width, -1 and 1 at
                its ends.
            v: The same along its height.

        Returns:
            ``(B, H, W)``.
        """

    def forward(self, shapes: Tensor, size: tuple[int, int]) -> Tensor:
        """Draw masks.

        Args:
            shapes: ``(B, 5)`` in [0, 1]: centre x and y, width and height of
                the whole shape, all in shares of the image's sides, and the
                angle as a share of a half turn, see
                :func:`shape_coordinates`.
            size: Height and width of the masks.

        Returns:
            ``(B, H, W)`` masks in (0, 1), ``float32`` at least. Image edges
            are centres of the outermost pixels.
        """
        with without_autocast(shapes):
            u, v = shape_coordinates(full_precision(shapes), size)
            return 0.5 - torch.atan(full_precision(self.slope) * (self.distance(u, v) - 1)) / math.pi


def shape_coordinates(shapes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Coordinates of pixels in the frames of shapes.

    Args:
        shapes: See :meth:`ShapeMask.forward`. The angle r stands for
            (r − ½)·180°, in the image's shares; it turns x towards y.
        size: Height H and width W of the pixel grid.

    Returns:
        Two ``(B, H, W)``: along width and height, from the centre, in halves
        of them.
    """
    centre_x, centre_y, width, height, turn = shapes[:, :, None, None].unbind(dim=1)
    width, height = width.clamp_min(_LEAST), height.clamp_min(_LEAST)
    y, x = (torch.arange(side, dtype=shapes.dtype, device=shapes.device) / (side - 1) for side in size)
    x, y = x - centre_x, y[:, None] - centre_y
    angle = (turn - 0.5) * math.pi
    cos, sin = angle.cos(), angle.sin()
    return (x * cos + y * sin) / (width / 2), (x * sin - y * cos) / (height / 2)
