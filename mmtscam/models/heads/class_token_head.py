"""The head of TransAttention, which classifies by the class token and localises by its attention."""

from typing import Any

from torch import Tensor

from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import FullPrecisionLinear
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind

from .base_loc_head import BaseLocHead
from .features import check_tokens


@MODELS.register_module()
class ClassTokenHead(BaseLocHead):
    """A linear classifier on the class token; localises with class attention A* alone.

    With ``TSCAMDeiT`` this is TransAttention, the paper's baseline: an
    unchanged DeiT, whose attention is class-agnostic.

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 4.4.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the class token.
        **kwargs: Further arguments of :class:`BaseLocHead`.
    """

    map_kinds = (MapKind('attention', 'attention A*', class_agnostic=True),)

    def __init__(self, num_classes: int, in_channels: int, **kwargs: Any) -> None:
        init_cfg = dict(type='TruncNormal', layer='Linear', std=0.02)  # DeiT's own
        super().__init__(num_classes, init_cfg=init_cfg, **kwargs)
        self.fc = FullPrecisionLinear(in_channels, num_classes)

    def prepare(self, feats: Any) -> TokenFeatures:
        """Check the backbone's output, see :func:`~mmtscam.models.heads.features.check_tokens`."""
        return check_tokens(self, feats, self.fc.in_features)

    def pre_logits(self, feats: Any) -> Tensor:
        """Take the class token ``(B, D)`` from the backbone's output."""
        return self.prepare(feats).token

    def logits(self, feats: TokenFeatures) -> Tensor:
        """Logits of the class token, ``(B, C)``."""
        return self.fc(feats.token)

    def maps(self, feats: TokenFeatures, labels: Tensor | None = None) -> dict[str, Tensor]:
        """A* (Eq. 6), the same for every class, see :meth:`BaseLocHead.maps`."""
        return dict(attention=feats.mean_attention())
