"""Classification and localization accuracy."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mmtscam.evaluation.report import Number
from mmtscam.evaluation.samples import (
    image_size,
    predicted_label,
    true_boxes,
    true_class_map,
    true_class_rank,
    true_label,
)
from mmtscam.localization import (
    Outcome,
    OutcomeLimits,
    Protocol,
    accuracy_over_ious,
    box_overlaps,
    boxes_to_image,
    localization_outcome,
    map_to_boxes,
)
from mmtscam.registry import METRICS
from mmtscam.utils.worker_processes import Task

from .base_loc_metric import BaseLocMetric, level_suffix

_EDGES = ('x1', 'y1', 'x2', 'y2')
_CURVE_LEVELS = np.arange(5, 100, 5) / 100


@METRICS.register_module()
class LocAccuracy(BaseLocMetric):
    """Cls and Loc Top-k, GT-known Loc and outcomes of the Top-1 prediction.

    In percent, the first over all images, the others over those with a true
    box:

    - ``cls_topk``: the true class is among the k best.
    - ``loc_topk``: so it is, and the box of the true class's own map has an
      IoU **above** the level with a true box.
    - ``gt_known``: the box of the true class's map has an IoU of **at least**
      the level with a true box.

    Where the protocol has several IoU levels, ``loc_topk`` and ``gt_known``
    end in the level (``_iou30``), and those in ``_mean`` are the means over
    the levels. The outcomes of :class:`~mmtscam.localization.Outcome` are
    counts of images under ``outcome_NAME``, which add up to all images with a
    true box.
    Without class scores, which maps of other code do not have, there is
    ``gt_known`` alone.

    With a threshold from a file the names end in ``_val``. The result also
    has the accuracy over IoU levels from 0.05 to 0.95 (the paper's Figure 5)
    and one row an image.

    Args:
        protocol: See :class:`BaseLocMetric`.
        threshold: See :class:`BaseLocMetric`.
        threshold_file: See :class:`BaseLocMetric`.
        topk: One or several values of k.
        outcome_limits: Fields of
            :class:`~mmtscam.localization.OutcomeLimits` to replace. Its
            ``iou`` is the protocol's level unless there are several.
        **kwargs: Further arguments of :class:`BaseLocMetric`.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If ``outcome_limits`` has an unknown field.
    """

    needs_boxes = True

    def __init__(
        self,
        protocol: str | Mapping[str, Any] | Protocol = 'tscam',
        threshold: float | None = None,
        threshold_file: str | None = None,
        topk: int | Sequence[int] = (1, 5),
        outcome_limits: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(protocol, threshold, threshold_file, **kwargs)
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)
        if not self.topk or min(self.topk) < 1:
            raise ValueError(f'topk must name values of at least 1, got {topk}')
        levels = self.protocol.iou_levels
        own_level = {'iou': levels[0]} if len(levels) == 1 else {}
        self.limits = OutcomeLimits(**{**own_level, **(outcome_limits or {})})

    def score(self, sample: dict, protocol: Protocol) -> dict[str, Any]:
        """Draw the box of the true class's map and compare it with the true boxes.

        Args:
            sample: Has ``gt_label``, ``gt_instances``, ``class_maps``,
                ``ori_shape`` and, unless it is of other code, ``pred_score``.
            protocol: The rules, with a threshold.

        Returns:
            Columns of the image's row: true and predicted class, the rank of
            the true class (1 for the best), the box in the image's pixels, its
            IoU with the best true box, and the outcome.

        Raises:
            ValueError: If there is no true box or no map of the true class, a
                true box is not one within the image, or the scores are not
                finite.
        """
        return self.task(sample, protocol)()

    def task(self, sample: dict, protocol: Protocol) -> Task:
        """See :meth:`score`."""
        classified = self._classified(sample)
        score_map, truth = true_class_map(sample, self.map_kind), true_boxes(sample, protocol)
        return partial(_locate, classified, score_map, truth, image_size(sample), protocol, self.limits)

    def pass_over(self, sample: dict, protocol: Protocol) -> None:
        """Keep the classes alone of an image without an object."""
        bare: dict[str, Any] = dict.fromkeys((*_EDGES, 'iou', 'outcome'))
        self.keep(sample, dict(**self._classified(sample), **bare), protocol, has_object=False)

    def _classified(self, sample: dict) -> dict[str, Any]:
        label, rank, predicted = true_label(sample), true_class_rank(sample), predicted_label(sample)
        return dict(
            true_label=label,
            true_class=self._class_name(label),
            predicted_label=predicted,
            predicted_class=self._class_name(predicted),
            rank=None if rank is None else rank + 1,
        )

    def summarise(self, scored: list[dict[str, Any]], images: int) -> list[Number]:
        """Sum up.

        Args:
            scored: One row an image, also of those without an object.
            images: Number of images that show an object.

        Returns:
            Percentages and counts under the names of the class docstring.

        Raises:
            ValueError: If some images have class scores and some have none.
        """
        all_ranks = _ranks(scored)
        located = _located(scored)
        ious, ranks = np.array([row['iou'] for row in located]), _ranks(located)
        numbers: list[Number] = []
        hits: dict[str, list[np.ndarray]] = {}
        levels = self.protocol.iou_levels
        if all_ranks is not None and ranks is not None:
            numbers += [_percentage(f'cls_top{k}', all_ranks <= k, uses_threshold=False) for k in self.topk]
            hits = {f'loc_top{k}': [(ranks <= k) & (ious > level) for level in levels] for k in self.topk}
        hits['gt_known'] = [ious >= level for level in levels]
        for name, by_level in hits.items():
            named = [
                _percentage(name + level_suffix(level, levels), right)
                for level, right in zip(levels, by_level, strict=True)
            ]
            numbers += named
            if len(levels) > 1:
                numbers.append(Number(f'{name}_mean', float(np.mean([number.value for number in named]))))
        if ranks is not None:
            outcomes = [row['outcome'] for row in located]
            numbers += [
                Number(f'outcome_{outcome.value}', outcomes.count(outcome.value), unit='images') for outcome in Outcome
            ]
        return numbers

    def curves(self, scored: list[dict[str, Any]], images: int) -> dict[str, dict[str, list[float]]]:
        """Accuracy over IoU levels; see :meth:`summarise` for the arguments."""
        located = _located(scored)
        ious, ranks = np.array([row['iou'] for row in located]), _ranks(located)
        curve = {'iou': _CURVE_LEVELS.tolist(), 'gt_known': accuracy_over_ious(ious, _CURVE_LEVELS).tolist()}
        if ranks is not None:
            for k in self.topk:
                right = np.where(ranks <= k, ious, -1)
                curve[f'loc_top{k}'] = accuracy_over_ious(right, _CURVE_LEVELS, strict=True).tolist()
        return {'accuracy_over_iou': curve}

    def _class_name(self, label: int | None) -> str | None:
        names = (self.dataset_meta or {}).get('classes') or ()
        return names[label] if label is not None and label < len(names) else None


def _locate(
    classified: dict[str, Any],
    score_map: np.ndarray,
    truth: np.ndarray,
    size: tuple[int, int],
    protocol: Protocol,
    limits: OutcomeLimits,
) -> dict[str, Any]:
    """The row of an image, from what is known of its class, its map and its true boxes in the frame."""
    boxes = map_to_boxes(score_map, protocol)
    ious = box_overlaps(boxes, truth)[0].max(axis=1)
    box, rank = boxes[ious.argmax()], classified['rank']
    outcome = None
    if rank is not None:
        outcome = localization_outcome(box, truth, limits) if rank == 1 else Outcome.CLASSIFICATION
    edges = boxes_to_image(box, size, protocol)[0].tolist()
    return dict(
        **classified,
        **dict(zip(_EDGES, (round(edge, 2) for edge in edges), strict=True)),
        iou=float(ious.max()),
        outcome=outcome.value if outcome else None,
    )


def _located(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row['iou'] is not None]


def _ranks(rows: list[dict[str, Any]]) -> np.ndarray | None:
    """Rank of the true class of each image; ``None`` where no image has class scores."""
    unranked = [row['img_path'] for row in rows if row['rank'] is None]
    if 0 < len(unranked) < len(rows):
        raise ValueError(f'{unranked[0]}: no class scores, unlike other images')
    return None if unranked else np.array([row['rank'] for row in rows])


def _percentage(name: str, hits: np.ndarray, **kwargs: Any) -> Number:
    return Number(name, 100.0 * float(hits.sum()) / len(hits), count=int(hits.sum()), images=len(hits), **kwargs)
