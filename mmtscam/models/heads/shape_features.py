"""The output of GC-Net, which its head takes."""

from typing import NamedTuple

from torch import Tensor


class ShapeFeatures(NamedTuple):
    """Output of :class:`~mmtscam.models.GCNet` for B images.

    Attributes:
        logits: ``(B, C)`` logits of the frozen classifier for the whole
            images, ``float32`` at least.
        size: Height and width of the input.
        features: The detector's last output: a feature map ``(B, D, h, w)``,
            or five numbers an image, ``(B, 5)``.
    """

    logits: Tensor
    size: tuple[int, int]
    features: Tensor
