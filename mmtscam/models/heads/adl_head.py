"""The head of CAM with attention-based dropout."""

from typing import Any

from torch import Tensor

from mmtscam.models.backbones.adl_backbone import attention_dropout
from mmtscam.registry import MODELS

from .cam_head import CAMHead


@MODELS.register_module()
class ADLHead(CAMHead):
    """CAM with attention-based dropout (ADL) on the classifier's input while training.

    ``ADLBackbone`` drops within the backbone, and this head after its own last
    hidden convolution. Parameters have the names of :class:`CAMHead`, so a
    checkpoint can be tested with it.

    Reference: Choe and Shim, "Attention-based Dropout Layer for Weakly
    Supervised Object Localization", CVPR 2019, Section 3. Place and defaults
    are those of the benchmark of Choe et al., CVPR 2020, for InceptionV3.

    Args:
        *args: Arguments of ``CAMHead``.
        drop_rate: See
            :func:`~mmtscam.models.backbones.adl_backbone.attention_dropout`.
        drop_threshold: Its ``threshold``.
        **kwargs: Arguments of ``CAMHead``.

    Raises:
        ValueError: If a number is not in [0, 1].
    """

    def __init__(self, *args: Any, drop_rate: float = 0.75, drop_threshold: float = 0.9, **kwargs: Any) -> None:
        if not (0 <= drop_rate <= 1 and 0 <= drop_threshold <= 1):
            raise ValueError(f'drop_rate and drop_threshold must be in [0, 1], got {drop_rate} and {drop_threshold}')
        super().__init__(*args, **kwargs)
        self.drop_rate = drop_rate
        self.drop_threshold = drop_threshold

    def prepare(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Compute the classifier's input ``(B, D', h, w)``, with ADL while training."""
        hidden = super().prepare(feats)
        return attention_dropout(hidden, self.drop_rate, self.drop_threshold) if self.training else hidden
