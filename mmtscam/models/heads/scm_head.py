"""The head of SCM, which calibrates TS-CAM's maps while it trains."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmtscam.localization import couple_maps, min_max, spread_over_alike
from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS

from .tscam_head import TSCAMHead


class _SpreadingLayer(nn.Module):
    """One step of :func:`~mmtscam.localization.spread_over_alike`, with two learned scalars.

    Args:
        steps: Steps of the matrix iteration.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.similarity = nn.Parameter(torch.ones(1))
        self.threshold = nn.Parameter(torch.full((1,), 0.5))

    def forward(self, maps: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        # Nothing else keeps the threshold above 0.
        threshold = self.threshold.clamp_min(1e-6)
        return spread_over_alike(maps, scores, self.similarity, threshold, self.steps)


@MODELS.register_module()
class SCMHead(TSCAMHead):
    """SCM: TS-CAM whose attention learns, while training, to spread over patches that look alike.

    In training, layers between semantic maps and classifier spread A* to
    neighbouring patches of alike classes and amplify the maps with it, so that
    the classification loss reaches the attention of all blocks. In evaluation
    there are no such layers. A* is min-max normalised before it is coupled.

    The backbone needs ``attention='always'``. Scores in training are those of
    amplified maps, so training accuracy is not comparable with that of a test.

    Reference: Bai et al., "Weakly Supervised Object Localization via
    Transformer with Implicit Spatial Calibration" (SCM), ECCV 2022.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        steps: Steps of the matrix iteration in each layer; no layers where it
            is empty.
        init: Initialisation of the convolution, see :class:`TSCAMHead`; the
            released code's by default.
        **kwargs: Further arguments of :class:`TSCAMHead`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        steps: Sequence[int] = (16, 4, 4, 4),
        init: str = 'default',
        **kwargs: Any,
    ) -> None:
        if not isinstance(steps, Sequence) or not all(isinstance(number, int) and number >= 0 for number in steps):
            raise ValueError(
                f'steps must be whole numbers of at least 0, one a layer, such as (16, 4, 4, 4), got {steps!r}'
            )
        super().__init__(num_classes, in_channels, init=init, **kwargs)
        self.spreading = nn.ModuleList(map(_SpreadingLayer, steps))

    def logits(self, feats: TokenFeatures) -> Tensor:
        """Means of the semantic maps, in training of the amplified ones, ``(B, C)``."""
        if not (self.training and self.spreading):
            return super().logits(feats)
        maps, scores = self.conv(feats.patches), min_max(feats.mean_attention())
        for layer in self.spreading:
            maps, scores = layer(maps, scores)
        return maps.mean(dim=(2, 3))

    def maps(self, feats: TokenFeatures, labels: Tensor | None = None) -> dict[str, Tensor]:
        """TS-CAM's maps, with A* in [0, 1] where it is coupled; see :meth:`BaseLocHead.maps`."""
        maps = super().maps(feats, labels)
        return {**maps, 'coupled': couple_maps(min_max(maps['attention']), maps['semantic'])}
