"""The last layer of RCAM's classifier, which pools what is strong and makes maps of what speaks for a class."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.localization import semantic_maps
from mmtscam.localization.precision import full_precision, without_autocast

from .head_layers import SemanticConv


# mmengine's initialisation by ``layer='Conv2d'`` looks at a class and its direct bases alone.
class ThresholdedConv(SemanticConv, nn.Conv2d):
    """A 1x1 convolution whose logits come from thresholded means, and whose maps come from positive weights.

    Reference: Bae et al., "Rethinking Class Activation Mapping for Weakly
    Supervised Object Localization", ECCV 2020: thresholded average pooling
    and negative weight clamping.

    Args:
        in_channels: Channels D of the features.
        out_channels: Number of classes C.
        threshold: See :func:`thresholded_mean`.
    """

    def __init__(self, in_channels: int, out_channels: int, threshold: float) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.threshold = threshold

    def forward(self, features: Tensor, labels: Tensor | None = None, mean: bool = False) -> Tensor:
        """Make maps, or logits.

        Args:
            features: ``(B, D, h, w)``, at least 0.
            labels: ``(B, n)`` classes whose maps to make; all by default.
            mean: Make logits instead, ``float32`` at least.

        Returns:
            ``(B, n, h, w)``, ``(B, C, h, w)`` or, of logits, ``(B, C)``.
        """
        if mean:
            return super().forward(thresholded_mean(features, self.threshold), mean=True)
        assert self.bias is not None
        positive = self.weight.clamp_min(0)
        if labels is not None:
            return semantic_maps(features, positive, self.bias, labels)
        return F.conv2d(features, positive, self.bias)


def thresholded_mean(features: Tensor, threshold: float) -> Tensor:
    """Mean of the values of each channel that are above a share of its maximum, in full precision.

    Half precision could not even count the pixels of a large map.

    Args:
        features: ``(B, D, h, w)``, at least 0.
        threshold: Share of the maximum over the channel of an image, in [0, 1).

    Returns:
        ``(B, D, 1, 1)`` tensor, ``float32`` at least; 0 where a channel is 0
        everywhere. No gradient flows through the choice of the values.
    """
    with without_autocast(features):
        features = full_precision(features)
        kept = features > threshold * features.amax(dim=(2, 3), keepdim=True)
        return (features * kept).sum(dim=(2, 3), keepdim=True) / kept.sum(dim=(2, 3), keepdim=True).clamp_min(1)
