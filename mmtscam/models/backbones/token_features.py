"""What backbones with class attention hand to the heads."""

from typing import NamedTuple

from torch import Tensor


class TokenFeatures(NamedTuple):
    """Output of a backbone with class attention.

    Attributes:
        patches: ``(B, D, h, w)`` patch tokens after the final norm, laid out
            as a feature map.
        attention: ``(B, L, h, w)`` class attention of L blocks (TS-CAM,
            Eq. 5; without the class-to-class entry, no gradient), ``None``
            while training.
        token: ``(B, D)`` class token after the final norm.
        pooled: ``(B, D')`` average-pooled features of a convolutional branch
            (Conformer), ``None`` where there is none.
    """

    patches: Tensor
    attention: Tensor | None
    token: Tensor
    pooled: Tensor | None = None
