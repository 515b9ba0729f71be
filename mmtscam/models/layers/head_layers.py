"""Layers of the heads, which work in full precision also under autocast.

In half precision many classes would have equal scores. Heads call the layers
as modules: only then do forward hooks run, by which FSDP gathers weights.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.localization import semantic_logits, semantic_maps
from mmtscam.localization.precision import full_precision, without_autocast


class SemanticConv(nn.Conv2d):
    """The convolution that makes semantic maps (Eq. 3): all of them, some of them, or their means."""

    def forward(self, features: Tensor, labels: Tensor | None = None, mean: bool = False) -> Tensor:
        """Make maps, or their means.

        Args:
            features: ``(B, D, h, w)``.
            labels: ``(B, n)`` classes whose maps to make; all by default.
            mean: Make the maps' means instead, see
                :func:`~mmtscam.localization.semantic_logits`.

        Returns:
            ``(B, n, h, w)``, ``(B, C, h, w)`` or, of means, ``(B, C)``.
        """
        assert self.bias is not None
        if mean:
            return semantic_logits(features, self.weight, self.bias)
        if labels is not None:
            return semantic_maps(features, self.weight, self.bias, labels)
        return super().forward(features)


class FullPrecisionLinear(nn.Linear):
    """A linear classifier with logits in ``float32`` at least."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``(..., C)`` logits in ``float32`` at least from ``(..., D)``."""
        assert self.bias is not None
        with without_autocast(x):
            return F.linear(full_precision(x), full_precision(self.weight), full_precision(self.bias))
