"""The head of TriLite, which sorts the patches of a frozen backbone into three kinds."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.localization.precision import full_precision, without_autocast
from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import FullPrecisionLinear
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample, MapKind

from .base_loc_head import BaseLocHead
from .features import check_tokens


@MODELS.register_module()
class TriLiteHead(BaseLocHead):
    """TriLite: each patch is foreground, background or ambiguous, in shares that sum to 1.

    A 3x3 convolution, batch norm and a softmax give the shares. One linear
    classifier must find the class in the features pooled over the foreground,
    and must not find it in those of the background. A classifier of its own on
    the class token gives the logits. The foreground localises, the same map
    for all classes.

    The backbone is meant to be frozen, and DINOv2's without its final norm:
    ``TSCAMDeiT(frozen_stages=12, final_norm=False)``. The authors take a
    DeiT's tokens after it.

    Reference: Sabaghi et al., "TriLite", CVPR 2026, arXiv 2602.23120.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the tokens.
        background_weight: Weight of the background's loss; C / 2 by default,
            which makes it about 0.5 at the start (the released code: 100 on
            CUB-200-2011, 500 on ILSVRC).
        part_dropout: Dropout of pooled features.
        token_dropout: Dropout of the class token.
        **kwargs: Further arguments of :class:`BaseLocHead`.
    """

    map_kinds = (
        MapKind('foreground', 'foreground map', class_agnostic=True),
        MapKind('background', 'background map', class_agnostic=True),
        MapKind('ambiguous', 'ambiguous patches', class_agnostic=True),
    )

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        background_weight: float | None = None,
        part_dropout: float = 0.5,
        token_dropout: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, **kwargs)
        self.background_weight = num_classes / 2 if background_weight is None else background_weight
        self.conv = nn.Conv2d(in_channels, 3, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.part_fc = FullPrecisionLinear(in_channels, num_classes)
        self.fc = FullPrecisionLinear(in_channels, num_classes)
        self.part_drop = nn.Dropout(part_dropout)
        self.token_drop = nn.Dropout(token_dropout)

    def prepare(self, feats: Any) -> tuple[TokenFeatures, Tensor]:
        """Check the backbone's output, and add the shares ``(B, 3, h, w)`` of foreground, background and ambiguous."""
        feats = check_tokens(self, feats, self.fc.in_features)
        with without_autocast(feats.patches):
            shares = self.norm(self.conv(full_precision(feats.patches))).softmax(dim=1)
        return feats, shares

    def pre_logits(self, feats: Any) -> Tensor:
        """Take the class token ``(B, D)`` from the backbone's output."""
        return self.prepare(feats)[0].token

    def logits(self, feats: tuple[TokenFeatures, Tensor]) -> Tensor:
        """Logits of the class token, ``(B, C)``."""
        return self.fc(self.token_drop(feats[0].token))

    def maps(self, feats: tuple[TokenFeatures, Tensor], labels: Tensor | None = None) -> dict[str, Tensor]:
        """The three shares, the same for every class, see :meth:`BaseLocHead.maps`."""
        return {kind.name: shares for kind, shares in zip(self.map_kinds, feats[1].unbind(dim=1), strict=True)}

    def extra_losses(
        self, feats: tuple[TokenFeatures, Tensor], data_samples: Sequence[LocDataSample]
    ) -> dict[str, Tensor]:
        """The class is to be found in the foreground, and not in the background.

        Args:
            feats: Result of :meth:`prepare`.
            data_samples: Samples with ``gt_label``, or ``gt_score`` where
                batches are mixed.

        Returns:
            ``loss_foreground``, ``loss_background``, and ``area``, the mean
            share of the foreground, to be logged.
        """
        tokens, shares = feats
        foreground, background = (
            self.part_fc(self.part_drop(_pool(tokens.patches, share))) for share in shares.unbind(dim=1)[:2]
        )
        return dict(
            loss_foreground=self._get_loss(foreground, data_samples)['loss'],
            loss_background=self.background_weight * _not_of_class(background, data_samples),
            area=shares[:, 0].detach().mean(),
        )


def _pool(patches: Tensor, share: Tensor) -> Tensor:
    """Mean ``(B, D)`` of patches ``(B, D, h, w)``, weighted by ``(B, h, w)``."""
    with without_autocast(patches):
        share = share.flatten(1)
        weighted = (full_precision(patches).flatten(2) @ share.unsqueeze(2)).squeeze(2)
        return weighted / (share.sum(dim=1, keepdim=True) + 1e-6)


def _not_of_class(logits: Tensor, data_samples: Sequence[LocDataSample]) -> Tensor:
    """Mean of ``-log(1 - p)`` of the probability p of the true class."""
    if 'gt_score' in data_samples[0]:
        truth = torch.stack([sample.gt_score for sample in data_samples])
    else:
        truth = F.one_hot(torch.cat([sample.gt_label for sample in data_samples]), logits.shape[1])
    probability = (logits.softmax(dim=1) * truth).sum(dim=1)
    return -torch.log(1 - probability + 1e-7).mean()
