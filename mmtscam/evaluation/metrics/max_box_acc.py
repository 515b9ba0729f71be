"""MaxBoxAcc and MaxBoxAccV2."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from mmtscam.evaluation.report import Number
from mmtscam.evaluation.samples import true_boxes, true_class_map
from mmtscam.evaluation.thresholds import ThresholdChoice, ThresholdSource, best_thresholds
from mmtscam.localization import Protocol, correct_at_thresholds, threshold_grid
from mmtscam.registry import METRICS
from mmtscam.utils.worker_processes import Task

from .base_loc_metric import level_suffix
from .base_sum_metric import BaseSumMetric


@METRICS.register_module()
class MaxBoxAcc(BaseSumMetric):
    """GT-known Loc at every threshold of a grid, and at the best.

    ``maxboxacc_oracle`` is MaxBoxAcc (protocol ``wsol-v1``) or MaxBoxAccV2
    (``wsol-v2``). The latter is the mean over three IoU levels, each with its
    own best threshold; ``maxboxacc_iou30_oracle`` and so on are the levels.
    The best threshold is that of the scored images themselves: an oracle, and
    named so. With a threshold file, ``boxacc_val`` and ``boxacc_iou30_val``
    are what its thresholds reach.

    The result also has the accuracy at every threshold.

    Reference: Choe et al., "Evaluating Weakly Supervised Object Localization
    Methods Right", CVPR 2020.

    Args:
        protocol: See :class:`BaseLocMetric`. Its threshold is not used.
        step: Distance of two thresholds.
        **kwargs: Further arguments of :class:`BaseLocMetric`.

    Raises:
        ValueError: If an argument is out of range, or the thresholds of the
            file are not on the grid.
    """

    uses_threshold = False
    sweeps = True
    parts = 4
    needs_boxes = True

    def __init__(
        self,
        protocol: str | Mapping[str, Any] | Protocol = 'wsol-v2',
        step: float = 0.001,
        **kwargs: Any,
    ) -> None:
        super().__init__(protocol, **kwargs)
        self.grid = threshold_grid(step)
        if self.choice and not np.isin(self.choice.level_thresholds, self.grid).all():
            raise ValueError(
                f'{kwargs["threshold_file"]}: thresholds {self.choice.level_thresholds} are not on a grid of step '
                f'{step}: use the step with which they were chosen'
            )

    def score(self, sample: dict, protocol: Protocol) -> np.ndarray:
        """Say at which thresholds an image is right.

        Args:
            sample: Has ``gt_label``, ``gt_instances``, ``class_maps`` and
                ``ori_shape``.
            protocol: The rules.

        Returns:
            ``(L, T)`` ``bool`` array for L IoU levels and T thresholds.

        Raises:
            ValueError: If there is no true box or no map of the true class, or
                a true box is not one within the image.
        """
        return self.task(sample, protocol)()

    def task(self, sample: dict, protocol: Protocol) -> Task:
        """See :meth:`score`."""
        score_map, truth = true_class_map(sample, self.map_kind), true_boxes(sample, protocol)
        return partial(correct_at_thresholds, score_map, truth, protocol, self.grid)

    def summarise(self, scored: np.ndarray, images: int) -> list[Number]:
        """Find the best thresholds, and leave them in ``best``.

        Args:
            scored: ``(L, T)`` numbers of images that are right.
            images: Number of images that show an object.

        Returns:
            Percentages under the names of the class docstring.
        """
        self.best = best_thresholds(scored, images, self.grid, self.protocol, self.map_kind, self.scored_kind)
        numbers = self._numbers('maxboxacc', scored, images, self.best, ThresholdSource.ORACLE)
        if self.choice:
            numbers += self._numbers('boxacc', scored, images, self.choice, ThresholdSource.VAL)
        return numbers

    def curves(self, scored: np.ndarray, images: int) -> dict[str, dict[str, list[float]]]:
        """Accuracy over thresholds; see :meth:`summarise` for the arguments."""
        levels = self.protocol.iou_levels
        curve = {'threshold': self.grid.tolist()}
        for level, counts in zip(levels, scored, strict=True):
            curve[f'gt_known{level_suffix(level, levels)}'] = (100.0 * counts / images).tolist()
        return {'accuracy_over_threshold': curve}

    def _numbers(
        self, name: str, total: np.ndarray, images: int, choice: ThresholdChoice, source: ThresholdSource
    ) -> list[Number]:
        """Accuracy of each level at its own threshold, and the mean where there are several."""
        levels = self.protocol.iou_levels
        numbers = []
        for level, threshold, counts in zip(levels, choice.level_thresholds, total, strict=True):
            count = int(counts[self.grid == threshold].item())
            numbers.append(
                Number(name + level_suffix(level, levels), 100.0 * count / images, '%', count, threshold, source)
            )
        if len(levels) > 1:
            mean = float(np.mean([number.value for number in numbers]))
            numbers.insert(0, Number(name, mean, source=source))
        return numbers
