"""The head of TS-CAM, which makes semantic maps and couples them with attention."""

from typing import Any

from torch import Tensor

from mmtscam.localization import couple_maps
from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import FullPrecisionLinear, SemanticConv
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind

from .base_loc_head import BaseLocHead
from .features import check_tokens

_CONV_INITS: dict[str, dict | list[dict] | None] = {
    'he': dict(type='Kaiming', layer='Conv2d', mode='fan_in', nonlinearity='relu'),
    'default': None,
    'conformer': [
        dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
        dict(type='TruncNormal', layer='Linear', std=0.02),
    ],
}


@MODELS.register_module()
class TSCAMHead(BaseLocHead):
    """Semantic re-allocation and coupling of TS-CAM.

    A 3x3 convolution over the patch features gives one semantic map a class
    (Eq. 3). The mean of a map is the class's logit (Eq. 4), and cross-entropy
    on the logits is the only loss. For localization the maps of the Top-k
    classes are coupled with the aggregated class attention (Eqs. 6 and 7).

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 3.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        pooled_channels: Width of the pooled features of a convolutional
            branch (Conformer: 256, 1024, 1536 for tiny, small, base). A
            linear classifier on them adds its logits, as in the released
            code. ``None`` for a backbone without such a branch.
        init: ``'he'``: He initialisation of the convolution (the paper).
            ``'default'``: PyTorch's (the released code with DeiT).
            ``'conformer'``: He initialisation of the convolution by its
            outputs, and a truncated normal distribution for the linear
            classifier (the released code with Conformer).
        **kwargs: Further arguments of :class:`BaseLocHead`.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    map_kinds: tuple[MapKind, ...] = (
        MapKind('coupled', 'coupled map'),
        MapKind('attention', 'attention A*', class_agnostic=True),
        MapKind('semantic', 'semantic map'),
    )

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        pooled_channels: int | None = None,
        init: str = 'he',
        **kwargs: Any,
    ) -> None:
        if init not in _CONV_INITS:
            raise ValueError(f'init must be one of {tuple(_CONV_INITS)}, got {init!r}')
        super().__init__(num_classes, init_cfg=_CONV_INITS[init], **kwargs)
        self.in_channels = in_channels
        self.conv = SemanticConv(in_channels, num_classes, kernel_size=3, padding=1)
        self.fc = FullPrecisionLinear(pooled_channels, num_classes) if pooled_channels else None

    def prepare(self, feats: Any) -> TokenFeatures:
        """Check the backbone's output.

        Raises:
            ValueError: If it has not the tokens that this head takes, or if
                ``pooled_channels`` does not fit its pooled features.
        """
        feats = check_tokens(self, feats, self.in_channels)
        if (self.fc is None) != (feats.pooled is None):
            raise ValueError(
                'pooled_channels of TSCAMHead is for backbones with a convolutional branch, and those need it: set it '
                'with TSCAMConformer, leave it out with TSCAMDeiT'
            )
        return feats

    def pre_logits(self, feats: Any) -> Tensor:
        """Take the patch features ``(B, D, h, w)`` from the backbone's output."""
        return self.prepare(feats).patches

    def logits(self, feats: TokenFeatures) -> Tensor:
        """Means of the semantic maps (Eq. 4), ``(B, C)``."""
        logits = self.conv(feats.patches, mean=True)
        return logits if self.fc is None else logits + self.fc(feats.pooled)

    def maps(self, feats: TokenFeatures, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Semantic maps S_c (Eq. 3), A* (Eq. 6) and coupled maps M_c (Eq. 7), see :meth:`BaseLocHead.maps`."""
        semantic = self.conv(feats.patches, labels).float()
        attention = feats.mean_attention()
        return dict(coupled=couple_maps(attention, semantic), attention=attention, semantic=semantic)
