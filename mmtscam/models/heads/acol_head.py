"""ACoL: a second classifier for what the first one leaves."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .base_loc_head import Activation, mean_logits
from .cam_head import CAMHead, cam_classifier, normalize_maps


@MODELS.register_module()
class ACoLHead(CAMHead):
    """Adversarial complementary learning: two classifiers, the second on erased features.

    Where the first classifier's map of the true class, min-max normalised,
    reaches a threshold, the second one sees zeros, and so learns from other
    parts of the object. Logits are the first one's. The map of a class is the
    larger one, at each place, of both classifiers' normalised maps, with
    features erased by that very class.

    Reference: Zhang et al., "Adversarial Complementary Learning for Weakly
    Supervised Object Localization", CVPR 2018, Section 3.2. The default
    threshold is that of the benchmark of Choe et al., CVPR 2020.

    Args:
        num_classes: Number of classes C.
        in_channels: Channels of the backbone's last feature map.
        hidden_channels: As for :class:`CAMHead`, in each classifier.
        dropout: As for ``CAMHead``.
        erase_threshold: Value of the normalised map from which features are
            erased, in (0, 1].
        **kwargs: Further arguments of ``CAMHead``.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        hidden_channels: Sequence[int] = (1024, 1024),
        dropout: float = 0.0,
        erase_threshold: float = 0.7,
        **kwargs: Any,
    ) -> None:
        if not 0 < erase_threshold <= 1:
            raise ValueError(f'erase_threshold must be in (0, 1], got {erase_threshold}')
        super().__init__(num_classes, in_channels, hidden_channels, dropout, **kwargs)
        self.erase_threshold = erase_threshold
        self.second_classifier = cam_classifier(num_classes, in_channels, hidden_channels, dropout)

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Cross-entropy of both classifiers.

        Args:
            feats: The backbone's output.
            data_samples: Samples with ``gt_label``.
            **kwargs: Further arguments of the loss.

        Returns:
            ``loss_first`` and ``loss_second``.

        Raises:
            ValueError: If the samples have soft labels.
        """
        labels = self.true_labels(data_samples)
        features = self.pre_logits(feats)
        maps = self.classifier(features)
        erased = self._maps_of_erased(features, maps[range(len(labels)), labels])
        losses = self._get_loss(mean_logits(maps), data_samples, **kwargs)
        losses['loss_first'] = losses.pop('loss')
        losses['loss_second'] = self.loss_module(mean_logits(erased), labels, avg_factor=len(labels), **kwargs)
        return losses

    def select_maps(self, feats: tuple[Tensor, ...], activation: Activation, labels: Tensor) -> dict[str, Tensor]:
        """Fused maps of some classes of each image, see :meth:`BaseLocHead.select_maps`."""
        first = super().select_maps(feats, activation, labels)['semantic']
        features, images = self.pre_logits(feats), range(len(labels))
        second = torch.stack(
            [
                self._maps_of_erased(features, first[:, place])[images, chosen]
                for place, chosen in enumerate(labels.unbind(1))
            ],
            dim=1,
        )
        return {'semantic': torch.maximum(normalize_maps(first), normalize_maps(second))}

    def _maps_of_erased(self, features: Tensor, maps: Tensor) -> Tensor:
        """The second classifier's maps ``(B, C, h, w)`` of features ``(B, D, h, w)`` erased by maps ``(B, h, w)``."""
        kept = normalize_maps(maps) < self.erase_threshold
        return self.second_classifier(features * kept.unsqueeze(1))
