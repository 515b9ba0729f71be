"""Classification and localization accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from mmtscam.evaluation.report import Figure
from mmtscam.evaluation.samples import (
    image_size,
    naming,
    predicted_label,
    sample_name,
    true_boxes,
    true_class_map,
    true_class_rank,
    true_label,
)
from mmtscam.evaluation.thresholds import ThresholdSource
from mmtscam.localization import (
    Outcome,
    OutcomeLimits,
    Protocol,
    accuracy_over_ious,
    box_overlaps,
    boxes_to_image,
    get_protocol,
    localization_outcome,
    map_to_boxes,
)
from mmtscam.registry import METRICS

from .base_loc_metric import BaseLocMetric, level_suffix

_CURVE_LEVELS = np.arange(5, 100, 5) / 100


@METRICS.register_module()
class LocAccuracy(BaseLocMetric):
    """Cls and Loc Top-k, GT-known Loc and outcomes of the Top-1 prediction.

    Over all images, in percent:

    - ``cls_topk``: the true class is among the k best.
    - ``loc_topk``: so it is, and the box of the true class's own map has an
      IoU **above** the level with a true box.
    - ``gt_known``: the box of the true class's map has an IoU of **at least**
      the level with a true box.

    Where the protocol has several IoU levels, ``loc_topk`` and ``gt_known``
    end in the level (``_iou30``), and those in ``_mean`` are the means over
    the levels. As counts of images that add up to all of them, the outcomes
    of :class:`~mmtscam.localization.Outcome` under ``outcome_NAME``. Without
    class scores, as in the maps of other code, ``gt_known`` alone.

    With a threshold from a file the names end in ``_val``. The report also
    has the accuracy over IoU levels from 0.05 to 0.95 (the paper's Figure 5)
    and one row an image.

    Args:
        protocol: Name of a protocol, a dict with ``base`` and the fields to
            replace, or a value.
        threshold: Threshold for drawing boxes; by default the one of the
            protocol's dict or value, else the one with which the head drew
            its own, else the protocol's.
        threshold_file: File of ``tools/analysis/choose_threshold.py``, from
            which to take the threshold instead.
        topk: One or several values of k.
        outcome_limits: Fields of
            :class:`~mmtscam.localization.OutcomeLimits` to replace. Its
            ``iou`` is the protocol's level unless there are several.
        map_name: See :class:`BaseLocMetric`.
        collect_device: See :class:`BaseLocMetric`.
        prefix: See :class:`BaseLocMetric`.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If ``outcome_limits`` has an unknown field.
    """

    def __init__(
        self,
        protocol: str | dict | Protocol = 'tscam',
        threshold: float | None = None,
        threshold_file: str | None = None,
        topk: int | Sequence[int] = (1, 5),
        outcome_limits: Mapping[str, float] | None = None,
        map_name: str = 'maps',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if threshold is not None and threshold_file is not None:
            raise ValueError('give threshold or threshold_file, not both')
        if threshold is None and isinstance(protocol, (Mapping, Protocol)):
            threshold = protocol.get('threshold') if isinstance(protocol, Mapping) else protocol.threshold
        super().__init__(get_protocol(protocol, threshold=threshold), map_name, threshold_file, collect_device, prefix)
        self.threshold = self.choice.threshold if self.choice else threshold
        self.source = ThresholdSource.VAL if self.choice else ThresholdSource.FIXED
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)
        if not self.topk or min(self.topk) < 1:
            raise ValueError(f'topk must name values of at least 1, got {topk}')
        levels = self.protocol.iou_levels
        own_level = {'iou': levels[0]} if len(levels) == 1 else {}
        self._size = 0
        self.limits = OutcomeLimits(**{**own_level, **(outcome_limits or {})})

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Args:
            data_batch: Not used.
            data_samples: :class:`LocDataSample` as dicts, with ``gt_label``,
                ``gt_instances``, ``pred_score``, ``class_maps`` and
                ``ori_shape``.

        Raises:
            ValueError: If a sample lacks a true box or the map of its true
                class, a true box is not one within the image, the scores are
                not finite, or the threshold was chosen on this very image.
        """
        self.check_unseen(data_samples)
        self.results.extend(self._score(sample) for sample in data_samples)

    def _score(self, sample: dict) -> dict[str, Any]:
        label, rank = true_label(sample), true_class_rank(sample)
        score_map = true_class_map(sample, self.map_name)
        threshold = sample['class_maps'].get('threshold') if self.threshold is None else self.threshold
        protocol = _with_threshold(self.protocol, threshold)
        truth = true_boxes(sample, protocol)
        with naming(sample):
            boxes = map_to_boxes(score_map, protocol)
        ious = box_overlaps(boxes, truth)[0].max(axis=1)
        box = boxes[ious.argmax()]
        outcome = None
        if rank is not None:
            outcome = localization_outcome(box, truth, self.limits) if rank == 0 else Outcome.CLASSIFICATION
        return dict(
            img_id=sample.get('img_id'),
            img_path=sample_name(sample),
            label=label,
            predicted=predicted_label(sample),
            rank=rank,
            box=tuple(boxes_to_image(box, image_size(sample), protocol)[0].tolist()),
            iou=float(ious.max()),
            outcome=outcome,
            threshold=protocol.threshold,
        )

    def evaluate(self, size: int) -> dict[str, float]:
        """See mmengine's ``BaseMetric``.

        Raises:
            ValueError: If an image is missing or was scored twice.
        """
        self._size = size
        return super().evaluate(size)

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Sum up.

        Args:
            results: One dict an image from :meth:`process`.

        Returns:
            Percentages and counts under the names of the class docstring.

        Raises:
            ValueError: If there is no image, one is missing or was scored
                twice, or some have class scores and some have none.
        """
        if not results:
            raise ValueError('LocAccuracy: no image was scored; is the data set empty?')
        _check_unique(results)
        if len(results) != self._size:
            raise ValueError(f'LocAccuracy: {len(results)} images were scored, but the data set has {self._size}')
        ious = np.array([result['iou'] for result in results])
        unranked = [result['img_path'] for result in results if result['rank'] is None]
        if 0 < len(unranked) < len(results):
            raise ValueError(f'{unranked[0]}: no class scores, unlike other images')
        rank = None if unranked else np.array([result['rank'] for result in results])
        used = {result['threshold'] for result in results}
        threshold = used.pop() if len(used) == 1 else None
        return self.leave_report(
            len(results),
            figures=self._figures(ious, rank, results, threshold),
            curves={'accuracy_over_iou': self._curve(ious, rank)},
            rows=[self._row(result) for result in results],
            protocol=replace(self.protocol, threshold=threshold),
        )

    def _figures(
        self, ious: np.ndarray, rank: np.ndarray | None, results: list[dict], threshold: float | None
    ) -> list[Figure]:
        drawn: dict[str, Any] = dict(threshold=threshold, source=self.source)
        figures: list[Figure] = []
        hits: dict[str, list[np.ndarray]] = {}
        levels = self.protocol.iou_levels
        if rank is not None:
            figures += [_percentage(f'cls_top{k}', rank < k) for k in self.topk]
            hits = {f'loc_top{k}': [(rank < k) & (ious > level) for level in levels] for k in self.topk}
        hits['gt_known'] = [ious >= level for level in levels]
        for name, by_level in hits.items():
            named = [
                _percentage(name + level_suffix(level, levels), right, **drawn)
                for level, right in zip(levels, by_level, strict=True)
            ]
            figures += named
            if len(levels) > 1:
                figures.append(Figure(f'{name}_mean', float(np.mean([figure.value for figure in named])), **drawn))
        if rank is not None:
            outcomes = [result['outcome'] for result in results]
            figures += [
                Figure(f'outcome_{outcome.value}', outcomes.count(outcome), unit='images', **drawn)
                for outcome in Outcome
            ]
        return figures

    def _curve(self, ious: np.ndarray, rank: np.ndarray | None) -> dict[str, list[float]]:
        curve = {'iou': _CURVE_LEVELS.tolist(), 'gt_known': accuracy_over_ious(ious, _CURVE_LEVELS).tolist()}
        if rank is not None:
            for k in self.topk:
                right = np.where(rank < k, ious, -1)
                curve[f'loc_top{k}'] = accuracy_over_ious(right, _CURVE_LEVELS, strict=True).tolist()
        return curve

    def _row(self, result: dict[str, Any]) -> dict[str, Any]:
        names = (self.dataset_meta or {}).get('classes') or ()
        label, predicted = result['label'], result['predicted']
        x1, y1, x2, y2 = (round(edge, 2) for edge in result['box'])
        return dict(
            img_path=result['img_path'],
            true_label=label,
            true_class=names[label] if label < len(names) else '',
            predicted_label='' if predicted is None else predicted,
            predicted_class=names[predicted] if predicted is not None and predicted < len(names) else '',
            rank='' if result['rank'] is None else result['rank'] + 1,
            x1=x1, y1=y1, x2=x2, y2=y2,
            iou=round(result['iou'], 6),
            outcome=result['outcome'].value if result['outcome'] else '',
            threshold=round(result['threshold'], 6),
            threshold_source=self.source.value,
        )  # fmt: skip


@cache
def _with_threshold(protocol: Protocol, threshold: float | None) -> Protocol:
    return get_protocol(protocol, threshold=threshold)


def _percentage(name: str, hits: np.ndarray, **kwargs: Any) -> Figure:
    return Figure(name, 100.0 * float(hits.sum()) / len(hits), count=int(hits.sum()), **kwargs)


def _check_unique(results: list[dict[str, Any]]) -> None:
    seen = set()
    for result in results:
        if result['img_id'] is not None and result['img_id'] in seen:
            raise ValueError(f'{result["img_path"]}: image id {result["img_id"]} was scored twice')
        seen.add(result['img_id'])
