"""The head of LCTR, whose classifier is mixed for each image from what attention leaves out."""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.localization import couple_maps
from mmtscam.localization.precision import full_precision, without_autocast
from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind

from .base_loc_head import BaseLocHead
from .features import check_tokens

_KERNELS = 4


class _Prepared(NamedTuple):
    """Tokens with the semantic maps ``(B, C, h, w)`` of their images' own classifiers."""

    feats: TokenFeatures
    semantic: Tensor


@MODELS.register_module()
class LCTRHead(BaseLocHead):
    """LCTR: semantic maps of a convolution that is mixed for each image, coupled with propagated attention.

    Features that class attention leaves out, weighted by ``1 - A*``, choose
    the shares of four kernels (cue digging module). The mean of a smoothed
    semantic map is the class's logit. For localization the maps, without their
    negative parts, are coupled with the class attention that the blocks pass
    on.

    Reference: Chen et al., "LCTR", AAAI 2022.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        **kwargs: Further arguments of :class:`BaseLocHead`.
    """

    map_kinds = (
        MapKind('coupled', 'coupled map'),
        MapKind('propagated', 'propagated attention', class_agnostic=True),
        MapKind('semantic', 'semantic map'),
    )

    def __init__(self, num_classes: int, in_channels: int, **kwargs: Any) -> None:
        super().__init__(num_classes, **kwargs)
        self.in_channels = in_channels
        self.cues = nn.Conv2d(in_channels, in_channels, kernel_size=3, padding=1)
        self.share_of_mean = nn.Linear(in_channels, _KERNELS)
        self.share_of_peak = nn.Linear(in_channels, _KERNELS)
        self.kernels = nn.Parameter(torch.empty(_KERNELS, num_classes, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(num_classes))
        # The released code's start, smaller than that of a convolution by the root of the number of classes.
        bound = 1 / math.sqrt(num_classes * in_channels * 9)
        nn.init.uniform_(self.kernels, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def prepare(self, feats: Any) -> _Prepared:
        """Check the backbone's output and make the semantic maps."""
        feats = check_tokens(self, feats, self.in_channels)
        attention = feats.mean_attention()
        with without_autocast(feats.patches):
            patches = full_precision(feats.patches)
            cues = self.cues(patches * (1 - attention).unsqueeze(1))
            mean, peak = cues.mean(dim=(2, 3)), cues.amax(dim=(2, 3))
            shares = torch.sigmoid(self.share_of_mean(mean) + self.share_of_peak(peak))  # (B, 4)
            # A convolution is linear in its kernel, so the maps of all kernels are mixed instead of the kernels.
            maps = F.conv2d(patches, self.kernels.flatten(0, 1), padding=1).unflatten(1, (_KERNELS, -1))
            semantic = torch.einsum('bk,bkchw->bchw', shares, maps) + self.bias[:, None, None]
        return _Prepared(feats, semantic)

    def logits(self, feats: _Prepared) -> Tensor:
        """Means of the smoothed semantic maps, ``(B, C)``."""
        return F.avg_pool2d(feats.semantic, kernel_size=3, stride=1, padding=1).mean(dim=(2, 3))

    def maps(self, feats: _Prepared, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Coupled maps, propagated attention and semantic maps, see :meth:`BaseLocHead.maps`."""
        semantic = feats.semantic
        if labels is not None:
            semantic = torch.take_along_dim(semantic, labels[..., None, None], dim=1)
        propagated = feats.feats.further_map('propagated').float().mean(dim=1)
        return dict(coupled=couple_maps(propagated, semantic.relu()), propagated=propagated, semantic=semantic)
