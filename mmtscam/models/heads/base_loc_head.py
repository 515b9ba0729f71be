"""The base of all heads, which makes samples with boxes from logits and maps."""

import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from mmpretrain.models.heads import ClsHead
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmtscam.localization import Protocol, get_protocol
from mmtscam.models.backbones.token_features import TokenFeatures
from mmtscam.models.checkpoints import load_classifier
from mmtscam.models.refinements import build_refinement
from mmtscam.structures import LocDataSample, MapKind
from mmtscam.utils.arguments import check_whole, is_number, is_whole

from .contract import HeadMeta, check_finite, check_kinds, check_logits, check_maps
from .loc_settings import LocSettings
from .localize import localize
from .pending_samples import PendingSamples

_NO_LABELS = torch.empty(0, dtype=torch.int64)


class BaseLocHead(ClsHead, metaclass=HeadMeta):
    """Base of the heads that classify and localise.

    A subclass declares the kinds of map that it makes, and implements
    :meth:`logits` and :meth:`maps`. It may share work between the two in
    :meth:`prepare`, and add losses in :meth:`extra_losses`. Code that works on
    maps asks the head or the sample for their kinds, so it works with any
    subclass.

    Args:
        num_classes: Number of classes C.
        map_kind: Name of the kind of map that boxes are drawn from; the first
            of ``map_kinds`` by default.
        topk: Number of classes that get a box.
        threshold: Threshold for drawing boxes, see
            :class:`~mmtscam.localization.Protocol`; ``None`` for the
            protocol's own.
        protocol: Rules for drawing boxes.
        loss: Config of the classification loss, cross-entropy by default.
        init_classifier: Checkpoint, path or URL, of the classifier to start
            from, see :func:`~mmtscam.models.checkpoints.load_classifier`.
        refine: Config of a :class:`~mmtscam.models.BaseRefinement`, whose maps
            then come first.
        **kwargs: Further arguments of mmpretrain's ``ClsHead``.

    Attributes:
        map_kinds: The kinds of map that the head makes, the one that localises
            first. A subclass declares its own; ``refine`` puts one before.
        settings: Settings of localization, unless :meth:`predict` is given
            others.

    Raises:
        ValueError: If an argument is not among its choices, or unknown.
    """

    map_kinds: tuple[MapKind, ...] = ()

    def __init__(
        self,
        num_classes: int,
        map_kind: str | None = None,
        topk: int = 5,
        threshold: float | None = None,
        protocol: str | dict | Protocol = 'tscam',
        loss: dict | None = None,
        init_classifier: str | None = None,
        refine: dict | None = None,
        **kwargs: Any,
    ) -> None:
        own = type(self).__name__
        refinement = build_refinement(refine) if refine else None
        if refinement is not None:
            if self.map_kinds:  # a head may make none of its own
                check_kinds(own, self.map_kinds)
            self.map_kinds = (refinement.kind(self.map_kinds), *self.map_kinds)
        check_kinds(own, self.map_kinds)
        if unknown := sorted(set(kwargs) - set(inspect.signature(ClsHead.__init__).parameters)):
            raise ValueError(f'{own} has no setting {unknown[0]!r}: set model.head without it')
        check_whole('num_classes', num_classes, 1)
        check_whole('topk', topk, 1)
        super().__init__(loss=loss or dict(type='mmpretrain.CrossEntropyLoss', loss_weight=1.0), **kwargs)
        self.num_classes = num_classes
        self.init_classifier = init_classifier
        self.refine = refinement
        drawn = get_protocol(protocol, threshold=threshold)
        if drawn.threshold is None:
            raise ValueError(f'protocol {drawn.name!r} leaves the threshold open: set threshold')
        self.settings = LocSettings(drawn, self.map_kinds[0].name, min(topk, num_classes))
        self.settings = self.settings_with(map_kind=map_kind)

    def settings_with(
        self,
        protocol: str | dict | Protocol | None = None,
        threshold: float | None = None,
        map_kind: str | None = None,
        topk: int | None = None,
        min_area: float | None = None,
    ) -> LocSettings:
        """The head's settings with some of them changed, for :meth:`predict`.

        Args:
            protocol: Other rules for drawing boxes. Rules without a threshold
                of their own keep the head's, if it means the same in both.
            threshold: Another threshold.
            map_kind: Another kind of map to draw from.
            topk: Another number of classes that get a box.
            min_area: Least share of the largest region's area with which a
                region of a class gets a box of its own, see
                :class:`~mmtscam.models.heads.LocSettings`.

        Returns:
            The new settings; the head's own do not change.

        Raises:
            ValueError: If a value is out of range, or the protocol needs a
                threshold.
        """
        own = self.settings
        names = [kind.name for kind in self.map_kinds]
        if map_kind is not None and map_kind not in names:
            raise ValueError(f'map_kind of {type(self).__name__} must be one of {", ".join(names)}, got {map_kind!r}')
        if topk is not None and not (is_whole(topk) and 1 <= topk <= self.num_classes):
            raise ValueError(f'topk must be from 1 to the number of classes, {self.num_classes}, got {topk!r}')
        if min_area is not None and not (is_number(min_area) and 0 <= min_area <= 1):
            raise ValueError(f'min_area must be a share in [0, 1], got {min_area!r}')
        rules = own.protocol
        if protocol is not None:
            rules = get_protocol(protocol)
            if rules.threshold is None and threshold is None:
                if rules.threshold_rule != own.protocol.threshold_rule:
                    raise ValueError(
                        f'protocol {rules.name!r} leaves the threshold open, and the one of the head means something '
                        f'else ({own.protocol.threshold_rule} instead of {rules.threshold_rule}): set threshold'
                    )
                rules = replace(rules, threshold=own.protocol.threshold)
        drawn = get_protocol(rules, threshold=threshold)
        return LocSettings(drawn, map_kind or own.map_kind, topk or own.topk, min_area)

    def init_weights(self) -> None:
        """Initialise, then take those parameters of ``init_classifier`` that fit."""
        super().init_weights()
        if self.init_classifier:
            taken = load_classifier(self, self.init_classifier)
            print_log(f'{", ".join(taken)} of the head start from {self.init_classifier}', logger='current')

    def prepare(self, feats: Any) -> Any:
        """Check the backbone's output and compute what logits and maps share.

        Args:
            feats: The backbone's output.

        Returns:
            The argument of :meth:`logits`, :meth:`maps` and
            :meth:`extra_losses`; by default the backbone's output.
        """
        return feats

    @abstractmethod
    def logits(self, feats: Any) -> Tensor:
        """Compute logits ``(B, C)``, ``float32`` at least.

        Args:
            feats: Result of :meth:`prepare`.
        """

    @abstractmethod
    def maps(self, feats: Any, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Make the maps of some classes of each image.

        Args:
            feats: Result of :meth:`prepare`.
            labels: ``(B, k)`` classes; ``None`` for all C classes in their
                order.

        Returns:
            Name of each of ``map_kinds`` to its ``float32`` maps at token
            resolution: ``(B, k, h, w)``, or ``(B, h, w)`` where the kind is
            class-agnostic.
        """

    def compared_features(self, feats: Any, prepared: Any) -> tuple[Tensor, ...]:
        """Choose the features by which ``refine`` compares positions.

        Args:
            feats: The backbone's output.
            prepared: Result of :meth:`prepare`.

        Returns:
            Feature maps ``(B, D, h, w)``, shallow ones first, by default the
            patch tokens or the backbone's feature maps. The head makes its
            maps from the last.
        """
        return (feats.patches,) if isinstance(feats, TokenFeatures) else tuple(feats)

    def all_maps(self, feats: Any, prepared: Any, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Make the maps of all ``map_kinds``, the refined one too.

        Args:
            feats: The backbone's output.
            prepared: Result of :meth:`prepare`.
            labels: See :meth:`maps`.

        Returns:
            See :meth:`maps`.

        Raises:
            ValueError: If they are not those that ``map_kinds`` declares.
        """
        maps = self.maps(prepared, labels)
        if self.refine is None:
            check_maps(f'{type(self).__name__}.maps', maps, self.map_kinds, labels)
            return maps
        refined_kind, *kinds = self.map_kinds
        check_maps(f'{type(self).__name__}.maps', maps, kinds, labels)
        refined = {refined_kind.name: self.refine.refined(self, feats, prepared, maps, labels)}
        check_maps(type(self.refine).__name__, refined, [refined_kind], labels)
        return {**refined, **maps}

    def extra_losses(self, feats: Any, data_samples: Sequence[LocDataSample]) -> dict[str, Tensor]:
        """Compute losses beside the classification loss; none by default.

        Args:
            feats: Result of :meth:`prepare`.
            data_samples: Samples with ``gt_label``.

        Returns:
            Names and scalars. mmengine adds up those that begin with
            ``loss_``; others, without "loss" in their names, are only logged.
        """
        return {}

    def _get_loss(self, cls_score: Tensor, data_samples: Sequence[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        if len(cls_score) != len(data_samples):
            raise ValueError(
                f'{type(self).__name__}: the backbone gives {len(cls_score)} rows for {len(data_samples)} images: '
                'EILBackbone, which appends erased streams, needs EILHead'
            )
        return super()._get_loss(cls_score, data_samples, **kwargs)

    def forward(self, feats: Any) -> Tensor:
        """Logits ``(B, C)`` of the backbone's output."""
        return self.logits(self.prepare(feats))

    def loss(self, feats: Any, data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            feats: The backbone's output.
            data_samples: Samples with ``gt_label``, or ``gt_score`` where
                batches are mixed.
            **kwargs: Further arguments of the classification loss.

        Returns:
            ``loss``; or, where :meth:`extra_losses` adds some, ``loss_cls``
            and the added ones. mmengine logs their sum as ``loss``.

        Raises:
            ValueError: If the name of a further loss, or the shape of the
                logits, does not suit.
        """
        feats = self.prepare(feats)
        logits = check_logits(type(self).__name__, self.logits(feats), self.num_classes)
        losses = self._get_loss(logits, data_samples, **kwargs)
        extra = self.extra_losses(feats, data_samples)
        added = [name for name in extra if 'loss' in name]
        if odd := [name for name in added if not name.startswith('loss_') or name == 'loss_cls']:
            raise ValueError(
                f'{type(self).__name__}.extra_losses: {odd[0]!r} must begin with loss_ and not be loss_cls, since '
                'mmengine adds up what is called a loss; the name of a number that is only logged has no "loss" in it'
            )
        if added:
            losses['loss_cls'] = losses.pop('loss')
        return {**losses, **extra}

    @torch.no_grad()
    def predict(
        self,
        feats: Any,
        data_samples: Sequence[LocDataSample] | None = None,
        settings: LocSettings | None = None,
        draw: bool = True,
    ) -> PendingSamples:
        """Classify and localise.

        The device chooses the classes and makes their maps for the whole
        batch; boxes are drawn on the CPU when the samples are first looked at.

        Args:
            feats: The backbone's output in evaluation.
            data_samples: Samples to fill, at the first look at the result. A
                sample with ``query_label`` gets boxes and maps of those
                classes instead of the Top-k. A sample with ``gt_label`` also
                gets the maps of its true class. The images must show the
                whole original image. Without ``ori_shape`` boxes are in the
                protocol's frame.
            settings: Settings for drawing boxes, see :meth:`settings_with`;
                the head's own by default.
            draw: Whether to draw boxes. Without them an image may be mirrored
                or a crop.

        Returns:
            The samples and, on the CPU, their ``pred_score``, ``pred_label``,
            ``pred_instances`` (a box for each of the Top-k classes, best
            first; with ``min_area`` one for each of its regions) and ``class_maps`` (see
            :class:`~mmtscam.structures.LocDataSample`). The first look at
            them raises ``ValueError`` if a true label is not below
            ``num_classes``, the pipeline has cropped an image, or a map holds
            NaN or infinity.

        Raises:
            ValueError: If a map needs class attention and the backbone was
                training, logits or maps are not those of ``num_classes`` and
                ``map_kinds``, or the settings do not suit the head.
        """
        if settings is None:
            settings = self.settings
        else:
            self.settings_with(
                None, None, settings.map_kind, settings.topk, settings.min_area
            )  # raises where they do not suit
        prepared = self.prepare(feats)
        images = None if data_samples is None else len(data_samples)
        logits = check_logits(type(self).__name__, self.logits(prepared), self.num_classes, images)
        if data_samples is None:
            data_samples = [LocDataSample() for _ in logits]
        scores = logits.softmax(dim=1)
        labels = scores.topk(settings.topk, dim=1).indices
        truth, query = (
            _pad_labels([sample.get(name) for sample in data_samples], labels.device)
            for name in ('gt_label', 'query_label')
        )
        # Clamped, because a label that is no class would end in an assertion on the device; _choose raises for it.
        wanted = torch.cat([labels, torch.cat([truth, query], dim=1).clamp(0, self.num_classes - 1)], dim=1)
        maps = self.all_maps(feats, prepared, wanted)
        tensors = dict(scores=scores, predicted=scores.argmax(dim=1, keepdim=True), labels=wanted, truth=truth)
        # In full precision, for numpy and OpenCV know no bfloat16.
        full = {name: each.detach().float() for name, each in maps.items()}
        return PendingSamples(data_samples, {**tensors, **full}, partial(self._fill, settings=settings, draw=draw))

    def _fill(
        self, samples: Sequence[LocDataSample], tensors: Mapping[str, Tensor], settings: LocSettings, draw: bool
    ) -> None:
        """Fill in the samples of a batch from what :meth:`predict` has computed."""
        names = [sample.get('img_path', 'a sample') for sample in samples]
        for kind in self.map_kinds:
            check_finite(f'{type(self).__name__}.maps', tensors[kind.name], kind.name, names)
        for index, sample in enumerate(samples):
            # Copies: a view would be stored with its whole batch.
            sample.set_pred_score(tensors['scores'][index].clone())
            sample.set_pred_label(tensors['predicted'][index].clone())
            if 'gt_label' in sample:
                sample.set_gt_label(tensors['truth'][index, : len(sample.gt_label)].clone())
            labels = tensors['labels'][index]
            places, num_boxes = self._choose(sample, labels.tolist(), settings.topk, tensors['truth'].shape[1])
            chosen = torch.tensor(places)
            by_kind = {}
            for kind in self.map_kinds:
                maps = tensors[kind.name][index]
                by_kind[kind.name] = maps.clone().expand(len(chosen), -1, -1) if kind.class_agnostic else maps[chosen]
            sample.class_maps = InstanceData(
                metainfo=dict(map_kind=settings.map_kind, map_kinds=self.map_kinds),
                labels=labels[chosen],
                maps=by_kind[settings.map_kind],
                **by_kind,
            )
            if draw:
                localize(sample, settings.protocol, num_boxes, settings.min_area)

    def _choose(self, sample: LocDataSample, labels: list[int], num_top: int, num_truth: int) -> tuple[list[int], int]:
        """Choose the labels that get a map, and say how many of them, from the first on, also get a box.

        The Top-k, or the classes that are asked for, get both. The true class
        follows with a map alone, if it is known and not among them.
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


def _pad_labels(groups: Sequence[Tensor | None], device: torch.device) -> Tensor:
    """Labels of a batch in one tensor ``(B, t)``, filled up with class 0 where an image has fewer than t labels."""
    nothing = torch.empty(0, dtype=torch.int64, device=device)
    return pad_sequence([nothing if group is None else group.to(device) for group in groups], batch_first=True)
