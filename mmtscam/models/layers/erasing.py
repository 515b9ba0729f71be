"""Erasing what a feature map attends to most."""

from torch import Tensor


def erase_attended(features: Tensor, threshold: float) -> Tensor:
    """Set features to 0 where attention, their mean over channels, is high.

    Args:
        features: ``(B, D, h, w)`` feature map, at least 0.
        threshold: Share of the image's maximum from which on attention is
            high, in [0, 1].

    Returns:
        ``(B, D, h, w)`` tensor. No gradient flows through the choice of the
        places.
    """
    attention = features.mean(dim=1, keepdim=True)
    return features * (attention < threshold * attention.amax(dim=(2, 3), keepdim=True))
