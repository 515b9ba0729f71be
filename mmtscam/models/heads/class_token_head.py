"""TransAttention: a class token that classifies, and its attention."""

from typing import Any

from torch import Tensor

from mmtscam.localization import aggregate_attention
from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import FullPrecisionLinear
from mmtscam.registry import MODELS

from .base_loc_head import Activation, BaseLocHead


@MODELS.register_module()
class ClassTokenHead(BaseLocHead):
    """A linear classifier on the class token; localises with class attention A* alone.

    With ``TSCAMDeiT`` this is TransAttention, the paper's baseline: DeiT as
    it is, whose attention knows no class.

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 4.4.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the class token.
        **kwargs: Further arguments of :class:`BaseLocHead`.
    """

    map_modes = ('attention',)

    def __init__(self, num_classes: int, in_channels: int, **kwargs: Any) -> None:
        init_cfg = dict(type='TruncNormal', layer='Linear', std=0.02)  # DeiT's own
        super().__init__(num_classes, map_mode='attention', init_cfg=init_cfg, **kwargs)
        self.fc = FullPrecisionLinear(in_channels, num_classes)

    def pre_logits(self, feats: TokenFeatures) -> Tensor:
        """Take the class token ``(B, D)`` from the backbone's output."""
        self.check_channels(feats.token, self.fc.in_features)
        return feats.token

    def activate(self, feats: TokenFeatures) -> Activation:
        """Logits of the class token and, in evaluation, A* (Eq. 6)."""
        attention = None if feats.attention is None else aggregate_attention(feats.attention)
        return Activation(self.fc(self.pre_logits(feats)), attention=attention)
