"""The output of a backbone that works on tokens."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from mmtscam.localization import aggregate_attention


class TokenFeatures(NamedTuple):
    """The output of a backbone with class attention, and the input of heads on tokens.

    Attributes:
        patches: ``(B, D, h, w)`` patch tokens after the final norm, if the
            backbone has one, laid out as a feature map.
        attention: ``(B, L, h, w)`` class attention of L blocks (TS-CAM,
            Eq. 5), without the class-to-class entry. It is ``None`` while
            training, unless the backbone has ``attention='always'``.
        token: ``(B, D)`` class token after the final norm, if there is one.
        pooled: ``(B, D')`` average-pooled features of a convolutional branch
            (Conformer), ``None`` where there is none.
        maps: Further maps that the backbone makes, by name: ``(B, h, w)``, or
            ``(B, L, h, w)`` with a map of each block or token; ``None`` where
            it makes none. A backbone may leave them out while training.
    """

    patches: Tensor
    attention: Tensor | None
    token: Tensor
    pooled: Tensor | None = None
    maps: Mapping[str, Tensor] | None = None

    def mean_attention(self) -> Tensor:
        """The aggregated class attention A* (Eq. 6), ``(B, h, w)``, ``float32``.

        Raises:
            ValueError: If the backbone has not kept class attention.
        """
        if self.attention is None:
            raise ValueError(
                'this map needs class attention, which the backbone leaves out while it trains: set '
                "model.backbone.attention='always' to have it in training too, or call model.eval()"
            )
        return aggregate_attention(self.attention).float()

    def further_map(self, name: str) -> Tensor:
        """One of ``maps``.

        Raises:
            ValueError: If the backbone makes no such map.
        """
        if not self.maps or name not in self.maps:
            known = ', '.join(self.maps or ()) or 'none'
            raise ValueError(
                f'the head needs the map {name!r} of the backbone, which gives {known}: use a backbone that makes it, '
                "and model.backbone.attention='always' if it is needed in training"
            )
        return self.maps[name]
