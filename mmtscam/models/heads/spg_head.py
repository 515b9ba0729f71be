"""The head of SPG, whose map teaches shallower layers to tell object from background."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead, cam_classifier, normalize_maps

# The benchmark's values: in an image with fewer foreground pixels than this, the pixels
# above this share of its maximum are foreground, so that every image has some.
_MIN_FOREGROUND = 30
_SHARE_OF_MAXIMUM = 0.7


@MODELS.register_module()
class SPGHead(CAMHead):
    """Self-produced guidance: CAM whose map guides three more branches in training.

    Branch A classifies as CAM does. The branches B1 and B2 share their last
    layers and tell object from background in the features of two layers.
    Branch C does so in A's hidden features. Guidance is a map in [0, 1] that
    is cut into foreground, background and a part that is ignored. A's map of
    the true class guides B2, B2 guides B1, and the mean of B1 and B2 guides
    C. Only A is used in evaluation.

    Reference: Zhang et al., "Self-produced Guidance for Weakly-supervised
    Object Localization", ECCV 2018, Section 3; thresholds and details as in
    the benchmark of Choe et al., CVPR 2020.

    Args:
        num_classes: Number of classes C.
        in_channels: Channels of the backbone's last two or three feature
            maps. The first two are the inputs of B1 and B2, and the last one
            is the input of A.
        hidden_channels: The same as for :class:`CAMHead`, in branch A.
        dropout: The same as for ``CAMHead``, in branch A.
        guide_channels: Channels of the other branches' hidden layers.
        stride: Pixels of the input for one pixel of each feature map; maps
            are enlarged by this factor for guidance.
        thresholds: A pair for each of B2, B1 and C: the value above which
            guidance is foreground, and the one below which it is background.
        **kwargs: Further arguments of ``CAMHead``.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int],
        hidden_channels: Sequence[int] = (512, 512),
        dropout: float = 0.0,
        guide_channels: int = 512,
        stride: int = 16,
        thresholds: Sequence[tuple[float, float]] = ((0.7, 0.01), (0.5, 0.05), (0.7, 0.1)),
        **kwargs: Any,
    ) -> None:
        if len(in_channels) not in (2, 3):
            raise ValueError(f'in_channels must name the channels of two or three feature maps, got {[*in_channels]}')
        if len(thresholds) != 3 or not all(0 < low < high < 1 for high, low in thresholds):
            raise ValueError(f'thresholds must be three pairs with 1 > high > low > 0, got {thresholds}')
        super().__init__(num_classes, in_channels[-1], hidden_channels, dropout, **kwargs)
        self.num_feature_maps = len(in_channels)
        self.stride = stride
        self.thresholds = thresholds
        self.guides = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, guide_channels, 3, padding=1), nn.ReLU(inplace=True))
            for channels in in_channels[:2]
        )
        self.shared_guide = cam_classifier(1, guide_channels, (guide_channels,))
        self.last_guide = cam_classifier(1, (in_channels[-1], *hidden_channels)[-1], (guide_channels,))

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the cross-entropy of A and the losses of the other branches against their guidance.

        Args:
            feats: The backbone's output, whose last two or three feature maps
                are of equal size.
            data_samples: Samples with ``gt_label``.
            **kwargs: Further arguments of the classification loss.

        Returns:
            ``loss_cls``, ``loss_b2``, ``loss_b1``, ``loss_c`` and those of
            ``extra_losses``.

        Raises:
            ValueError: If the samples have soft labels.
        """
        labels = self.true_labels(data_samples)
        hidden = self.prepare(feats)
        losses = self._get_loss(self.logits(hidden), data_samples, **kwargs)
        losses['loss_cls'] = losses.pop('loss')

        attention = normalize_maps(self._enlarge(self.maps(hidden, labels.unsqueeze(1))['semantic']))
        b1, b2 = (
            self._enlarge(self.shared_guide(guide(features)))
            for guide, features in zip(self.guides, feats[-self.num_feature_maps :][:2], strict=True)
        )
        c = self._enlarge(self.last_guide(hidden))
        fused = (b1.sigmoid() + b2.sigmoid()) / 2
        branches = {'b2': (b2, attention), 'b1': (b1, b2.sigmoid()), 'c': (c, fused)}
        for (name, (logits, guidance)), (high, low) in zip(branches.items(), self.thresholds, strict=True):
            losses[f'loss_{name}'] = guided_loss(logits, guidance, high, low)
        return {**losses, **self.extra_losses(hidden, data_samples)}

    def _enlarge(self, maps: Tensor) -> Tensor:
        """Bring maps ``(B, 1, h, w)`` to the input's size, in full precision."""
        return F.interpolate(maps.float(), scale_factor=self.stride, mode='bilinear', align_corners=False)


def guided_loss(logits: Tensor, guidance: Tensor, high: float, low: float) -> Tensor:
    """Binary cross-entropy over the pixels that guidance marks as foreground or background.

    Args:
        logits: ``(B, 1, H, W)`` of a branch.
        guidance: ``(B, 1, H, W)`` in [0, 1]; only compared, so that no
            gradient flows to it. Every image has some foreground.
        high: Value above which guidance is foreground.
        low: Value below which guidance is background, whatever ``high`` says.

    Returns:
        The mean over all pixels that are one or the other.
    """
    foreground = guidance > high
    few = foreground.sum(dim=(1, 2, 3), keepdim=True) < _MIN_FOREGROUND
    relative = guidance > _SHARE_OF_MAXIMUM * guidance.amax(dim=(1, 2, 3), keepdim=True)
    foreground = torch.where(few, relative, foreground)
    background = guidance < low
    sure = foreground | background
    return F.binary_cross_entropy_with_logits(logits[sure], (~background)[sure].float())
