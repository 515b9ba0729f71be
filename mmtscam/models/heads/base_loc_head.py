"""What the heads share: from logits and maps to samples with boxes."""

from abc import ABCMeta, abstractmethod
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from mmpretrain.models.heads import ClsHead
from torch import Tensor

from mmtscam.localization import get_protocol, localization_maps
from mmtscam.models.utils import load_classifier, localize
from mmtscam.structures import LocDataSample


class Activation(NamedTuple):
    """What a head makes of a batch.

    Attributes:
        logits: ``(B, C)``.
        semantic: ``(B, C, h, w)`` one map a class (S_c of TS-CAM, the class
            activation map of CAM), ``None`` where the head has none.
        attention: ``(B, h, w)`` class-agnostic attention A*, ``None`` where
            the backbone has none and while training.
    """

    logits: Tensor
    semantic: Tensor | None = None
    attention: Tensor | None = None


class BaseLocHead(ClsHead, metaclass=ABCMeta):
    """Base of the heads that classify and localise.

    A subclass implements :meth:`activate`.

    Args:
        num_classes: Number of classes C.
        map_mode: Which of the head's maps is localised with: ``'coupled'``,
            ``'attention'`` or ``'semantic'``.
        topk: Number of classes that get a box.
        threshold: Threshold for drawing boxes, see
            :class:`~mmtscam.localization.Protocol`; ``None`` for the
            protocol's own.
        protocol: Rules for drawing boxes.
        loss: Config of the classification loss, cross-entropy by default.
        init_classifier: Checkpoint, path or URL, of the classifier to start
            from, see :func:`~mmtscam.models.utils.load_classifier`.
        **kwargs: Further arguments of mmpretrain's ``ClsHead``.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    def __init__(
        self,
        num_classes: int,
        map_mode: str,
        topk: int = 5,
        threshold: float | None = None,
        protocol: str | dict = 'tscam',
        loss: dict | None = None,
        init_classifier: str | None = None,
        **kwargs: Any,
    ) -> None:
        if num_classes < 1 or topk < 1:
            raise ValueError(f'num_classes and topk must be at least 1, got {num_classes} and {topk}')
        super().__init__(loss=loss or dict(type='mmpretrain.CrossEntropyLoss', loss_weight=1.0), **kwargs)
        self.num_classes = num_classes
        self.init_classifier = init_classifier
        self.map_mode = map_mode
        self.num_boxes = min(topk, num_classes)
        self.protocol = get_protocol(protocol, threshold=threshold)
        if self.protocol.threshold is None:
            raise ValueError(f'protocol {self.protocol.name!r} leaves the threshold open: set threshold')

    def init_weights(self) -> None:
        """Initialise, then take what fits of ``init_classifier``."""
        super().init_weights()
        if self.init_classifier:
            taken = load_classifier(self, self.init_classifier)
            print_log(f'{", ".join(taken)} of the head start from {self.init_classifier}', logger='current')

    @abstractmethod
    def activate(self, feats: Any) -> Activation:
        """Compute logits and maps of all classes from the backbone's output."""

    def forward(self, feats: Any) -> Tensor:
        """Logits ``(B, C)``."""
        return self.activate(feats).logits

    @torch.no_grad()
    def predict(self, feats: Any, data_samples: list[LocDataSample] | None = None) -> list[LocDataSample]:
        """Classify and localise.

        Args:
            feats: The backbone's output in evaluation.
            data_samples: Samples to fill. A sample with ``gt_label`` also
                gets the maps of its true class. The images must show the
                whole original image. Without ``ori_shape`` boxes are in the
                protocol's frame.

        Returns:
            The samples with ``pred_score``, ``pred_label``,
            ``pred_instances`` (a box for each of the Top-k classes, best
            first) and ``class_maps`` (``maps`` and, beside it, each kind of
            map that the head has).

        Raises:
            RuntimeError: If the map needs class attention and the backbone
                was training.
            ValueError: If a true label is not below ``num_classes``, or the
                pipeline has cropped an image.
        """
        activation = self.activate(feats)
        if activation.attention is None and self.map_mode != 'semantic':
            raise RuntimeError(f'{type(self).__name__}.predict needs class attention: call model.eval() first')
        if data_samples is None:
            data_samples = [LocDataSample() for _ in activation.logits]
        samples = self._get_predictions(activation.logits, data_samples)
        for index, sample in enumerate(samples):
            sample.pred_score = sample.pred_score.clone()  # a view would be stored with its whole batch
            labels = self._labels_to_map(sample)
            by_mode = self.select_maps(feats, activation, index, labels)
            sample.class_maps = InstanceData(labels=labels, maps=by_mode[self.map_mode], **by_mode)
            localize(sample, self.protocol, self.num_boxes)
        return samples

    def select_maps(self, feats: Any, activation: Activation, index: int, labels: Tensor) -> dict[str, Tensor]:
        """Maps of some classes of one image, so that never those of all are coupled.

        Args:
            feats: The backbone's output.
            activation: What :meth:`activate` made of it.
            index: Which image of the batch.
            labels: ``(k,)`` classes.

        Returns:
            Kind of map to ``(k, h, w)`` tensor.
        """
        attention = None if activation.attention is None else activation.attention[index]
        semantic = None if activation.semantic is None else activation.semantic[index][labels]
        if attention is not None and semantic is not None:
            return localization_maps(attention, semantic)
        if attention is not None:
            return {'attention': attention.expand(len(labels), -1, -1).clone()}
        return {} if semantic is None else {'semantic': semantic}

    def check_channels(self, features: Tensor, in_channels: int) -> None:
        """Refuse features ``(B, D, ...)`` of another width than the head's.

        Raises:
            ValueError: If D is not ``in_channels``.
        """
        if features.shape[1] != in_channels:
            raise ValueError(
                f'the backbone gives {features.shape[1]} channels and {type(self).__name__} expects {in_channels}: '
                f'set model.head.in_channels={features.shape[1]}'
            )

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


def mean_logits(semantic: Tensor) -> Tensor:
    """Mean of each map, ``(B, C)``; in full precision, since half precision would tie many of the classes."""
    return semantic.float().mean(dim=(2, 3))
