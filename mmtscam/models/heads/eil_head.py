"""The head of EIL, which classifies an image also without its most active part."""

from typing import Any

from torch import Tensor

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead


@MODELS.register_module()
class EILHead(CAMHead):
    """Erasing integrated learning: CAM that must also classify erased features.

    The backbone is ``EILBackbone``, see
    :func:`~mmtscam.models.eil_backbone`, which gives the streams of features
    in training. Several erased ones make it MEIL. In evaluation the head is
    :class:`CAMHead`.

    Reference: Mai et al., "Erasing Integrated Learning: A Simple yet Effective
    Approach for Weakly Supervised Object Localization", CVPR 2020.

    Args:
        *args: Arguments of ``CAMHead``.
        weight: Weight of the loss of each erased stream.
        **kwargs: Arguments of ``CAMHead``.
    """

    def __init__(self, *args: Any, weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight = weight

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the cross-entropy of each stream.

        Args:
            feats: The backbone's output for B images: feature maps of (1 + L)B
                rows, first those of the images and then those of L erased
                streams.
            data_samples: B samples with ``gt_label``, or ``gt_score`` where
                batches are mixed.
            **kwargs: Further arguments of the classification loss.

        Returns:
            ``loss_cls``, ``loss_erased_1`` to ``loss_erased_L``, and those of
            ``extra_losses``, which sees the images' own stream.

        Raises:
            ValueError: If the number of rows is no multiple of B, or B in
                training.
        """
        features, images = self.prepare(feats), len(data_samples)
        if len(features) % images or (self.training and len(features) == images):
            raise ValueError(
                f'{type(self).__name__}: the backbone gives {len(features)} rows for {images} images, and in training '
                'it must be a multiple: wrap it in EILBackbone'
            )
        streams = self.logits(features).split(images)
        losses = self._get_loss(streams[0], data_samples, **kwargs)
        losses['loss_cls'] = losses.pop('loss')
        for level, logits in enumerate(streams[1:], start=1):
            losses[f'loss_erased_{level}'] = self.weight * self._get_loss(logits, data_samples, **kwargs)['loss']
        return {**losses, **self.extra_losses(features[:images], data_samples)}
