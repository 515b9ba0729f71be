"""The head of TS-CAM: semantic maps and their coupling with attention."""

from typing import Any

from torch import Tensor

from mmtscam.localization import MAP_MODES, aggregate_attention
from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import FullPrecisionLinear, SemanticConv
from mmtscam.registry import MODELS

from .base_loc_head import Activation, BaseLocHead

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

    A 3x3 convolution over the patch features gives one semantic map a class;
    its mean is the class's logit, and cross-entropy on it the only loss
    (Eqs. 3 and 4). For localization the maps of the Top-k classes are coupled
    with the aggregated class attention (Eqs. 6 and 7).

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 3.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        pooled_channels: Width of the pooled features of a convolutional
            branch (Conformer: 256, 1024, 1536 for tiny, small, base), whose
            linear classifier's logits are added, as in the released code;
            ``None`` for a backbone without one.
        init: ``'he'``: He initialisation of the convolution (the paper).
            ``'default'``: PyTorch's (the released code with DeiT).
            ``'conformer'``: He initialisation of the convolution by its
            outputs, and a truncated normal distribution for the linear
            classifier (the released code with Conformer).
        map_mode: Which map is localised with: ``'coupled'``, ``'attention'``
            or ``'semantic'``.
        **kwargs: Further arguments of :class:`BaseLocHead`.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    map_modes = MAP_MODES

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        pooled_channels: int | None = None,
        init: str = 'he',
        map_mode: str = 'coupled',
        **kwargs: Any,
    ) -> None:
        if init not in _CONV_INITS:
            raise ValueError(f'init must be one of {tuple(_CONV_INITS)}, got {init!r}')
        super().__init__(num_classes, map_mode, init_cfg=_CONV_INITS[init], **kwargs)
        self.in_channels = in_channels
        self.conv = SemanticConv(in_channels, num_classes, kernel_size=3, padding=1)
        self.fc = FullPrecisionLinear(pooled_channels, num_classes) if pooled_channels else None

    def pre_logits(self, feats: TokenFeatures) -> Tensor:
        """Take the patch features ``(B, D, h, w)`` from the backbone's output."""
        self.check_channels(feats.patches, self.in_channels)
        return feats.patches

    def semantic_maps(self, feats: TokenFeatures) -> Tensor:
        """Semantic maps S_c of all classes, ``(B, C, h, w)`` (Eq. 3), of which neither loss nor prediction has need."""
        return self.conv(self.pre_logits(feats))

    def activate(self, feats: TokenFeatures) -> Activation:
        """Logits (Eq. 4) and, in evaluation, A* (Eq. 6).

        Raises:
            ValueError: If the backbone and ``pooled_channels`` do not agree
                on a convolutional branch.
        """
        if (self.fc is None) != (feats.pooled is None):
            raise ValueError(
                'pooled_channels of TSCAMHead is for backbones with a convolutional branch, and those need it: set it '
                'with TSCAMConformer, leave it out with TSCAMDeiT'
            )
        logits = self.conv(self.pre_logits(feats), mean=True)
        if self.fc is not None:
            logits = logits + self.fc(feats.pooled)
        attention = None if feats.attention is None else aggregate_attention(feats.attention)
        return Activation(logits, attention=attention)

    def select_semantic(self, feats: TokenFeatures, activation: Activation, labels: Tensor) -> Tensor:
        """Semantic maps of some classes, see :meth:`BaseLocHead.select_semantic`."""
        return self.conv(self.pre_logits(feats), labels).float()
