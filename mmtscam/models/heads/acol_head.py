"""The head of ACoL, whose second classifier sees features that the first one did not rely on."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead, cam_classifier, normalize_maps


@MODELS.register_module()
class ACoLHead(CAMHead):
    """Adversarial complementary learning: two classifiers, the second on erased features.

    Features are erased where the first classifier's map of the true class,
    min-max normalised, reaches a threshold. The second classifier therefore
    learns from other parts of the object. The logits are those of the first
    classifier. The map of a class is the maximum, at each place, of both
    classifiers' normalised maps; for this map, features are erased by that
    class's own map.

    Reference: Zhang et al., "Adversarial Complementary Learning for Weakly
    Supervised Object Localization", CVPR 2018, Section 3.2. The default
    threshold is that of the benchmark of Choe et al., CVPR 2020.

    Args:
        num_classes: Number of classes C.
        in_channels: Channels of the backbone's last feature map.
        hidden_channels: The same as for :class:`CAMHead`, in each classifier.
        dropout: The same as for ``CAMHead``.
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

    def prepare(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Take the last feature map ``(B, D, h, w)``, the input of both classifiers."""
        return self.pre_logits(feats)

    def logits(self, feats: Tensor) -> Tensor:
        """Logits ``(B, C)`` of the first classifier."""
        return super().logits(self.classifier[:-1](feats))

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the cross-entropy of both classifiers.

        Args:
            feats: The backbone's output.
            data_samples: Samples with ``gt_label``.
            **kwargs: Further arguments of the loss.

        Returns:
            ``loss_first``, ``loss_second`` and those of ``extra_losses``.

        Raises:
            ValueError: If the samples have soft labels.
        """
        labels = self.true_labels(data_samples)
        features = self.prepare(feats)
        hidden = self.classifier[:-1](features)
        first = self.classifier[-1](hidden, labels.unsqueeze(1))[:, 0]
        kept = normalize_maps(first) < self.erase_threshold
        losses = self._get_loss(super().logits(hidden), data_samples, **kwargs)
        losses['loss_first'] = losses.pop('loss')
        second = self.second_classifier[-1](self.second_classifier[:-1](features * kept.unsqueeze(1)), mean=True)
        losses['loss_second'] = self.loss_module(second, labels, avg_factor=len(labels), **kwargs)
        return {**losses, **self.extra_losses(features, data_samples)}

    def maps(self, feats: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Fused maps, see :meth:`BaseLocHead.maps`; each class needs a pass of the second classifier."""
        if labels is None:
            labels = torch.arange(self.num_classes, device=feats.device).expand(feats.shape[0], -1)
        first = normalize_maps(super().maps(self.classifier[:-1](feats), labels)['semantic'])
        fused = [self._fuse(feats, first[:, place], chosen) for place, chosen in enumerate(labels.unbind(1))]
        return dict(semantic=torch.stack(fused, dim=1))

    def _fuse(self, features: Tensor, first: Tensor, labels: Tensor) -> Tensor:
        """The fused map ``(B, h, w)`` of one class of each image, from the first classifier's normalised map."""
        hidden = self.second_classifier[:-1](features * (first < self.erase_threshold).unsqueeze(1))
        second = self.second_classifier[-1](hidden, labels.unsqueeze(1))[:, 0]
        return torch.maximum(first, normalize_maps(second))
