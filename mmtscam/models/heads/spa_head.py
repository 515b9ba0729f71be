"""The head of SPA, which teaches the map of the true class where object and background are."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead, normalize_maps


@MODELS.register_module()
class SPAHead(CAMHead):
    """SPA: CAM with a loss that restricts activation to the object, from some epoch on.

    See :func:`restricted_activation_loss`. The epoch is the one that mmengine
    tells in training by epochs; everywhere else it is 0.

    Reference: Pan et al., "Unveiling the Potential of Structure Preserving for
    Weakly Supervised Object Localization" (SPA), CVPR 2021: the restricted
    activation module. The defaults are the authors' on CUB-200-2011; on ILSVRC
    they have ``start=5, low=0.4, gap=0.1``.

    Args:
        *args: Arguments of :class:`CAMHead`.
        start: First epoch, counted from 0, in which the loss is on.
        weight: Weight of the loss.
        low: See :func:`restricted_activation_loss`.
        gap: See :func:`restricted_activation_loss`.
        **kwargs: Arguments of ``CAMHead``.

    Raises:
        ValueError: If ``low`` or ``gap`` is out of range, or there is one
            class alone.
    """

    def __init__(
        self,
        *args: Any,
        start: int = 20,
        weight: float = 0.5,
        low: float = 0.1,
        gap: float = 0.2,
        **kwargs: Any,
    ) -> None:
        if low < 0 or gap < 0 or low + gap >= 1:
            raise ValueError(f'low and gap must be at least 0 and together below 1, got {low} and {gap}')
        super().__init__(*args, **kwargs)
        if self.num_classes < 2:
            raise ValueError('SPAHead compares the maps of classes: it needs two at least')
        self.start, self.weight = start, weight
        self.low, self.gap = low, gap

    def extra_losses(self, feats: Tensor, data_samples: Sequence[LocDataSample]) -> dict[str, Tensor]:
        """Restrict the activation of the true class.

        Args:
            feats: Result of :meth:`prepare`.
            data_samples: Samples with ``gt_label``.

        Returns:
            ``loss_ra``; 0 before ``start``.

        Raises:
            ValueError: If the samples have soft labels.
        """
        labels = self.true_labels(data_samples)
        if MessageHub.get_current_instance().get_info('epoch', 0) < self.start:
            return dict(loss_ra=torch.zeros((), device=feats.device))
        maps = self.maps(feats)['semantic']
        return dict(loss_ra=self.weight * restricted_activation_loss(maps, labels, self.low, self.gap))


def restricted_activation_loss(maps: Tensor, labels: Tensor, low: float, gap: float) -> Tensor:
    """Push the true class's activation down in the background, and up on the object.

    Where the classes of a pixel, by a softmax over their maps, are all alike,
    the pixel is background; where they vary, it is object. The variance is
    min-max normalised over the image.

    Args:
        maps: ``(B, C, h, w)`` ``float32`` maps of all classes, C > 1.
        labels: ``(B,)`` true classes.
        low: Variance below which a pixel is background.
        gap: Variance above ``low`` by which a pixel is object.

    Returns:
        The mean over all pixels of the activation's sigmoid in the background
        and of 1 minus it on the object; pixels in between count 0. Only the
        true class's map gets a gradient.
    """
    variance = normalize_maps(maps.detach().softmax(dim=1).var(dim=1))
    activation = maps[torch.arange(len(maps), device=maps.device), labels].sigmoid()
    return (activation * (variance < low) + (1 - activation) * (variance > low + gap)).mean()
