"""The output of a backbone that works on tokens."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from mmtscam.localization import aggregate_attention


class TokenFeatures(NamedTuple):
    """The output of a backbone with class attention, and the input of heads on tokens.

    Attributes:
        patches: ``(B, D, h, w)`` patch tokens after the final norm, laid out
            as a feature map.
        attention: ``(B, L, h, w)`` class attention of L blocks (TS-CAM,
            Eq. 5), without the class-to-class entry. It is ``None`` while
            training, unless the backbone has ``attention='always'``.
        token: ``(B, D)`` class token after the final norm.
        pooled: ``(B, D')`` average-pooled features of a convolutional branch
            (Conformer), ``None`` where there is none.
        maps: Further maps that the backbone makes, by name, each
            ``(B, h, w)``; ``None`` where it makes none.
    """

    patches: Tensor
    attention: Tensor | None
    token: Tensor
    pooled: Tensor | None = None
    maps: Mapping[str, Tensor] | None = None

    def mean_attention(self) -> Tensor:
        """The aggregated class attention A* (Eq. 6), ``(B, h, w)``, ``float32``.

        Raises:
            RuntimeError: If the backbone has not kept class attention.
        """
        if self.attention is None:
            raise RuntimeError(
                'this map needs class attention, which the backbone leaves out while it trains: call model.eval(), or '
                "set model.backbone.attention='always' to have it in training too"
            )
        return aggregate_attention(self.attention).float()
