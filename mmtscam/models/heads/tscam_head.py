"""The head of TS-CAM: semantic maps, their coupling with attention, boxes."""

from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from mmtscam.localization import MAP_MODES, aggregate_attention, get_protocol, localization_maps
from mmtscam.models.utils import localize
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

_CONV_INITS = {
    'he': dict(type='Kaiming', layer='Conv2d', mode='fan_in', nonlinearity='relu'),
    'default': None,
}


@MODELS.register_module()
class TSCAMHead(ClsHead):
    """Semantic re-allocation, coupling and localization of TS-CAM.

    A 3x3 convolution over the patch features gives one semantic map a class;
    its mean is the class's logit, and cross-entropy on it the only loss
    (Eqs. 3 and 4). For localization the maps of the Top-k classes are coupled
    with the aggregated class attention (Eqs. 6 and 7).

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 3.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        init: ``'he'``: He initialisation of the convolution (the paper).
            ``'default'``: PyTorch's (the released code).
        map_mode: Which map is localised with: ``'coupled'``, ``'attention'``
            or ``'semantic'``.
        topk: Number of classes that get a box.
        threshold: Threshold for drawing boxes, see
            :class:`~mmtscam.localization.Protocol`; ``None`` for the
            protocol's own.
        protocol: Rules for drawing boxes.
        loss: Config of the classification loss.
        **kwargs: Further arguments of mmpretrain's ``ClsHead``.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        init: str = 'he',
        map_mode: str = 'coupled',
        topk: int = 5,
        threshold: float | None = None,
        protocol: str | dict = 'tscam',
        loss: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if init not in _CONV_INITS:
            raise ValueError(f'init must be one of {tuple(_CONV_INITS)}, got {init!r}')
        if map_mode not in MAP_MODES:
            raise ValueError(f'map_mode must be one of {MAP_MODES}, got {map_mode!r}')
        if num_classes < 1 or topk < 1:
            raise ValueError(f'num_classes and topk must be at least 1, got {num_classes} and {topk}')
        super().__init__(
            loss=loss or dict(type='mmpretrain.CrossEntropyLoss', loss_weight=1.0),
            init_cfg=_CONV_INITS[init],
            **kwargs,
        )
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.map_mode = map_mode
        self.num_boxes = min(topk, num_classes)
        self.protocol = get_protocol(protocol, threshold=threshold)
        if self.protocol.threshold is None:
            raise ValueError(f'protocol {self.protocol.name!r} leaves the threshold open: set threshold')
        self.conv = nn.Conv2d(in_channels, num_classes, kernel_size=3, padding=1)

    def pre_logits(self, feats: tuple[Tensor, Tensor | None]) -> Tensor:
        """Take the patch features ``(B, D, h, w)`` from the backbone's output."""
        return feats[0]

    def semantic_maps(self, feats: tuple[Tensor, Tensor | None]) -> Tensor:
        """Semantic maps S_c of all classes, ``(B, C, h, w)`` (Eq. 3)."""
        return self.conv(self.pre_logits(feats))

    def forward(self, feats: tuple[Tensor, Tensor | None]) -> Tensor:
        """Logits ``(B, C)``: the mean of each semantic map (Eq. 4)."""
        return _logits(self.semantic_maps(feats))

    @torch.no_grad()
    def predict(
        self,
        feats: tuple[Tensor, Tensor | None],
        data_samples: list[LocDataSample] | None = None,
    ) -> list[LocDataSample]:
        """Classify and localise.

        Args:
            feats: Patch features ``(B, D, h, w)`` and class attention
                ``(B, L, h, w)``.
            data_samples: Samples to fill. A sample with ``gt_label`` also
                gets the maps of its true class. The images must show the
                whole original image. Without ``ori_shape`` boxes are in the
                protocol's frame.

        Returns:
            The samples with ``pred_score``, ``pred_label``,
            ``pred_instances`` (a box for each of the Top-k classes, best
            first) and ``class_maps`` (with ``coupled``, ``attention`` and
            ``semantic`` beside ``maps``).

        Raises:
            ValueError: If a true label is not below ``num_classes``, or the
                pipeline has cropped an image.
        """
        attention = feats[1]
        if attention is None:
            raise RuntimeError('TSCAMHead.predict needs class attention: call model.eval() first')
        semantic = self.semantic_maps(feats)
        if data_samples is None:
            data_samples = [LocDataSample() for _ in semantic]
        samples = self._get_predictions(_logits(semantic), data_samples)
        aggregated = aggregate_attention(attention)
        for sample, image_attention, image_semantic in zip(samples, aggregated, semantic, strict=True):
            sample.pred_score = sample.pred_score.clone()  # a view would be stored with its whole batch
            labels = self._labels_to_map(sample)
            by_mode = localization_maps(image_attention, image_semantic[labels])
            sample.class_maps = InstanceData(labels=labels, maps=by_mode[self.map_mode], **by_mode)
            localize(sample, self.protocol, self.num_boxes)
        return samples

    def _labels_to_map(self, sample: LocDataSample) -> Tensor:
        """Labels of the Top-k classes, best first, and of the true class if it is known and not among them."""
        labels = sample.pred_score.topk(self.num_boxes).indices
        if 'gt_label' not in sample:
            return labels
        truth = sample.gt_label.to(labels.device)
        if not bool(((truth >= 0) & (truth < self.num_classes)).all()):
            raise ValueError(
                f'{sample.get("img_path", "a sample")}: label {truth.tolist()} is outside the '
                f'{self.num_classes} classes of the head'
            )
        return torch.cat([labels, truth[~torch.isin(truth, labels)]])


def _logits(semantic: Tensor) -> Tensor:
    """Mean of each map; in full precision, since half precision would tie many of the classes."""
    return semantic.float().mean(dim=(2, 3))
