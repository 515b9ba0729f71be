"""The head of RCAM, which pools and localises by what is strong."""

from typing import Any

from mmtscam.models.layers import SemanticConv, ThresholdedConv
from mmtscam.registry import MODELS

from .cam_head import CAMHead


@MODELS.register_module()
class RCAMHead(CAMHead):
    """RCAM: CAM with thresholded average pooling and clamped weights.

    Each channel of the classifier's input is averaged over its strong pixels
    alone, so that small parts count no more than the whole object. Weights
    below 0 play a part in the logits, and none in the maps. Parameters have
    :class:`CAMHead`'s names, so either head loads the other's checkpoint. The
    third part of the method, the threshold by a percentile, is the protocol
    ``'rcam'``.

    Reference: Bae et al., "Rethinking Class Activation Mapping for Weakly
    Supervised Object Localization", ECCV 2020.

    Args:
        *args: Arguments of ``CAMHead``. Without ``hidden_channels`` the
            backbone must end with a ReLU.
        pool_threshold: Share of a channel's maximum above which a pixel is
            averaged, in [0, 1).
        **kwargs: Arguments of ``CAMHead``.

    Raises:
        ValueError: If ``pool_threshold`` is out of range.
    """

    def __init__(self, *args: Any, pool_threshold: float = 0.1, **kwargs: Any) -> None:
        if not 0 <= pool_threshold < 1:
            raise ValueError(f'pool_threshold must be in [0, 1), got {pool_threshold}')
        super().__init__(*args, **kwargs)
        last = self.classifier[-1]
        assert isinstance(last, SemanticConv)
        self.classifier[-1] = ThresholdedConv(last.in_channels, last.out_channels, pool_threshold)
