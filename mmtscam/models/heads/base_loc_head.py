"""What the heads share: from logits and maps to samples with boxes."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from mmpretrain.models.heads import ClsHead
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmtscam.localization import MAP_MODES, Protocol, get_protocol, localization_maps
from mmtscam.models.checkpoints import load_classifier
from mmtscam.structures import LocDataSample

from .localize import localize
from .pending_samples import PendingSamples

_NO_LABELS = torch.empty(0, dtype=torch.int64)


class Activation(NamedTuple):
    """What a head makes of a batch.

    Attributes:
        logits: ``(B, C)``.
        semantic: ``(B, C, h, w)`` one map a class (the class activation map
            of CAM), ``None`` where the head has none or makes those of the
            classes that are asked for alone.
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
            from, see :func:`~mmtscam.models.checkpoints.load_classifier`.
        **kwargs: Further arguments of mmpretrain's ``ClsHead``.

    Attributes:
        map_modes: The kinds of map that the head has.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    map_modes: tuple[str, ...]

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
        if map_mode not in self.map_modes:
            raise ValueError(f'map_mode must be one of {self.map_modes}, got {map_mode!r}')
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
    def predict(self, feats: Any, data_samples: Sequence[LocDataSample] | None = None) -> PendingSamples:
        """Classify and localise.

        The device chooses the classes and makes their maps for the whole
        batch; boxes are drawn on the CPU when the samples are first looked at.

        Args:
            feats: The backbone's output in evaluation.
            data_samples: Samples to fill, at the first look at what is
                returned. A sample with ``query_label`` gets boxes and maps of
                those classes instead of the Top-k, one with ``gt_label`` also
                gets the maps of its true class. The images must show the
                whole original image. Without ``ori_shape`` boxes are in the
                protocol's frame.

        Returns:
            The samples and, on the CPU, their ``pred_score``, ``pred_label``,
            ``pred_instances`` (a box for each of the Top-k classes, best
            first) and ``class_maps`` (``maps`` and, beside it, each kind of
            map that the head has). The first look at them raises
            ``ValueError`` if a true label is not below ``num_classes`` or the
            pipeline has cropped an image.

        Raises:
            RuntimeError: If the map needs class attention and the backbone
                was training.
        """
        activation = self.activate(feats)
        if activation.attention is None and self.map_mode != 'semantic':
            raise RuntimeError(f'{type(self).__name__}.predict needs class attention: call model.eval() first')
        if data_samples is None:
            data_samples = [LocDataSample() for _ in activation.logits]
        scores = activation.logits.softmax(dim=1)
        labels = scores.topk(self.num_boxes, dim=1).indices
        truth, query = (
            _pad_labels([sample.get(name) for sample in data_samples], labels.device)
            for name in ('gt_label', 'query_label')
        )
        # A label that is no class shall end in a message, not in an assertion on the device.
        wanted = torch.cat([labels, torch.cat([truth, query], dim=1).clamp(0, self.num_classes - 1)], dim=1)
        tensors = dict(scores=scores, predicted=scores.argmax(dim=1, keepdim=True), labels=wanted, truth=truth)
        # Samples are filled in later: with the map and the rules of now.
        fill = partial(self._fill, map_mode=self.map_mode, protocol=self.protocol, num_top=labels.shape[1])
        return PendingSamples(data_samples, {**tensors, **self.select_maps(feats, activation, wanted)}, fill)

    def select_maps(self, feats: Any, activation: Activation, labels: Tensor) -> dict[str, Tensor]:
        """Maps of some classes of each image, so that never those of all are coupled.

        Args:
            feats: The backbone's output.
            activation: What :meth:`activate` made of it.
            labels: ``(B, k)`` classes.

        Returns:
            Kind of map, among :data:`~mmtscam.localization.MAP_MODES`, to
            ``(B, k, h, w)`` ``float32`` tensor.
        """
        semantic = self.select_semantic(feats, activation, labels)
        attention = None if activation.attention is None else activation.attention.float()
        if attention is not None and semantic is not None:
            return localization_maps(attention, semantic)
        if attention is not None:
            return {'attention': attention.unsqueeze(1).repeat(1, labels.shape[1], 1, 1)}
        return {} if semantic is None else {'semantic': semantic}

    def select_semantic(self, feats: Any, activation: Activation, labels: Tensor) -> Tensor | None:
        """Semantic maps of some classes of each image; see :meth:`select_maps` for arguments.

        Returns:
            ``(B, k, h, w)`` ``float32`` tensor, or ``None`` where the head has
            no such maps.
        """
        if activation.semantic is None:
            return None
        images = torch.arange(len(labels), device=labels.device).unsqueeze(1)
        return activation.semantic[images, labels].float()

    def _fill(
        self,
        samples: Sequence[LocDataSample],
        tensors: dict[str, Tensor],
        map_mode: str,
        protocol: Protocol,
        num_top: int,
    ) -> None:
        """Fill in the samples of a batch from what :meth:`predict` has computed."""
        kinds = [kind for kind in MAP_MODES if kind in tensors]
        for index, sample in enumerate(samples):
            # Copies: a view would be stored with its whole batch.
            sample.set_pred_score(tensors['scores'][index].clone())
            sample.set_pred_label(tensors['predicted'][index].clone())
            if 'gt_label' in sample:
                sample.set_gt_label(tensors['truth'][index, : len(sample.gt_label)].clone())
            labels = tensors['labels'][index]
            places, num_boxes = self._choose(sample, labels.tolist(), num_top, tensors['truth'].shape[1])
            chosen = torch.tensor(places)
            by_kind = {kind: tensors[kind][index][chosen] for kind in kinds}
            sample.class_maps = InstanceData(labels=labels[chosen], maps=by_kind[map_mode], **by_kind)
            localize(sample, protocol, num_boxes)

    def _choose(self, sample: LocDataSample, labels: list[int], num_top: int, num_truth: int) -> tuple[list[int], int]:
        """Which of the labels get a map, and how many of those, from the first on, boxes.

        The Top-k, or the classes that are asked for; then, with a map alone,
        the true class if it is known and not among them.
        """
        truth, query = (sample.get(name, _NO_LABELS).tolist() for name in ('gt_label', 'query_label'))
        for kind, given in (('label', truth), ('query_label', query)):
            if any(not 0 <= label < self.num_classes for label in given):
                raise ValueError(
                    f'{sample.get("img_path", "a sample")}: {kind} {given} is outside the '
                    f'{self.num_classes} classes of the head'
                )
        start = num_top + num_truth
        boxed = [*range(start, start + len(query))] if query else [*range(num_top)]
        known = {labels[place] for place in boxed}
        return [*boxed, *(num_top + place for place, label in enumerate(truth) if label not in known)], len(boxed)

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


def _pad_labels(groups: Sequence[Tensor | None], device: torch.device) -> Tensor:
    """Labels of a batch in one tensor, ``(B, t)``: class 0 where an image has fewer than t, or none."""
    nothing = torch.empty(0, dtype=torch.int64, device=device)
    return pad_sequence([nothing if group is None else group.to(device) for group in groups], batch_first=True)


def mean_logits(semantic: Tensor) -> Tensor:
    """Mean of each map, ``(B, C)``; in full precision, since half precision would tie many of the classes."""
    return semantic.float().mean(dim=(2, 3))
