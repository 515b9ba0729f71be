"""Classification and localization accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmtscam.localization import (
    Outcome,
    OutcomeLimits,
    box_overlaps,
    boxes_to_frame,
    get_protocol,
    localization_outcome,
    map_to_boxes,
)
from mmtscam.registry import METRICS


@METRICS.register_module()
class LocAccuracy(BaseMetric):
    """Cls and Loc Top-k, GT-known Loc and outcomes of the Top-1 prediction.

    Over all images, in percent:

    - ``cls_topk``: the true class is among the k best.
    - ``loc_topk``: so it is, and the box of the true class's own map has an
      IoU **above** the level with a true box.
    - ``gt_known``: the box of the true class's map has an IoU of **at least**
      the level with a true box.

    And, as counts of images that add up to all of them, the outcomes of
    :class:`~mmtscam.localization.Outcome` under ``outcome_NAME``. The level
    is the protocol's one IoU level.

    Args:
        protocol: Name of a protocol, or a dict with ``base`` and the fields
            to replace.
        threshold: Threshold for drawing boxes; by default the one that the
            protocol's dict replaces, else the one with which the head drew
            its own.
        topk: Values of k.
        map_name: Which maps of the sample's ``class_maps`` to score:
            ``'maps'``, those that the head localises with, or any other that
            it gives, as ``'attention'`` or ``'semantic'``.
        collect_device: ``'cpu'`` or ``'gpu'``, for gathering results.
        prefix: Prefix of the names of the results; the protocol's name by
            default.
    """

    def __init__(
        self,
        protocol: str | dict = 'tscam',
        threshold: float | None = None,
        topk: Sequence[int] = (1, 5),
        map_name: str = 'maps',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if threshold is None and isinstance(protocol, Mapping):
            threshold = protocol.get('threshold')
        self.protocol = get_protocol(protocol, threshold=threshold)
        super().__init__(collect_device=collect_device, prefix=prefix or self.protocol.name)
        self.iou_level = self.protocol.iou_level
        self.threshold = threshold
        self.topk = tuple(topk)
        if not self.topk or min(self.topk) < 1:
            raise ValueError(f'topk must name values of at least 1, got {topk}')
        self.map_name = map_name

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Args:
            data_batch: Not used.
            data_samples: :class:`LocDataSample` as dicts, with ``gt_label``,
                ``gt_instances``, ``pred_score``, ``class_maps`` and
                ``ori_shape``.

        Raises:
            ValueError: If a sample lacks a true box or the map of its true
                class, a true box lies outside the image, or the scores are
                not finite.
        """
        self.results.extend(self._score(sample) for sample in data_samples)

    def _score(self, sample: dict) -> dict[str, Any]:
        name = sample.get('img_path', 'a sample')
        if 'gt_label' not in sample:
            raise ValueError(f'{name}: no true label to compare with')
        label = int(sample['gt_label'])
        score = sample['pred_score']
        if not bool(torch.isfinite(score).all()):
            raise ValueError(f'{name}: the class scores are not finite; the model has diverged')
        truth = sample['gt_instances']['bboxes'].cpu().numpy() if 'gt_instances' in sample else np.zeros((0, 4))
        if not len(truth):
            raise ValueError(f'{name}: no true box to compare with; give the data set a box reader')
        class_maps = sample['class_maps']
        if self.map_name not in class_maps:
            raise ValueError(f'{name}: the head gives no maps named {self.map_name!r}')
        mapped = class_maps['labels'].tolist()
        if label not in mapped:
            raise ValueError(f'{name}: no map of its true class {label} among {mapped}')

        threshold = class_maps.get('threshold') if self.threshold is None else self.threshold
        protocol = get_protocol(self.protocol, threshold=threshold)
        score_map = class_maps[self.map_name][mapped.index(label)].float().cpu().numpy()
        height, width = sample['ori_shape'][:2]
        if (truth[:, :2] >= (width, height)).any():
            raise ValueError(f'{name}: a true box lies outside the image of {width}x{height}: {truth.tolist()}')
        truth = boxes_to_frame(truth, (width, height), protocol)
        boxes = map_to_boxes(score_map, protocol)
        ious = box_overlaps(boxes, truth)[0].max(axis=1)

        ranking = score.topk(min(max(self.topk), len(score))).indices.tolist()
        rank = ranking.index(label) if label in ranking else len(score)
        outcome = Outcome.CLASSIFICATION
        if rank == 0:
            outcome = localization_outcome(boxes[ious.argmax()], truth, OutcomeLimits(iou=self.iou_level))
        best = ious.max()
        return dict(
            rank=rank,
            right=bool(best > self.iou_level),
            gt_known=bool(best >= self.iou_level),
            outcome=outcome.value,
        )

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Sum up.

        Args:
            results: One dict an image from :meth:`process`.

        Returns:
            Percentages and counts under the names of the class docstring.
        """
        rank = np.array([result['rank'] for result in results])
        right = np.array([result['right'] for result in results])
        metrics: dict[str, float] = {}
        for k in self.topk:
            metrics[f'cls_top{k}'] = _percent(rank < k)
        for k in self.topk:
            metrics[f'loc_top{k}'] = _percent((rank < k) & right)
        metrics['gt_known'] = _percent(np.array([result['gt_known'] for result in results]))
        outcomes = [result['outcome'] for result in results]
        for outcome in Outcome:
            metrics[f'outcome_{outcome.value}'] = outcomes.count(outcome.value)
        return metrics


def _percent(hits: np.ndarray) -> float:
    return 100.0 * float(hits.sum()) / len(hits)
