"""MaxBoxAcc and MaxBoxAccV2."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np

from mmtscam.evaluation.report import Number
from mmtscam.evaluation.samples import naming, true_boxes, true_class_map
from mmtscam.evaluation.thresholds import ThresholdChoice, ThresholdSource, best_thresholds
from mmtscam.localization import Protocol, correct_at_thresholds, threshold_grid
from mmtscam.registry import METRICS

from .base_loc_metric import level_suffix
from .base_sum_metric import BaseSumMetric

_WAITING_PER_WORKER = 64  # images; as many as keep the workers busy while a batch is predicted


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
        num_workers: Number of processes that share the work; 0 for none but
            this one.
        **kwargs: Further arguments of :class:`BaseLocMetric`.

    Raises:
        ValueError: If an argument is out of range, or the thresholds of the
            file are not on the grid.
    """

    uses_threshold = False
    sweeps = True
    needs_boxes = True

    def __init__(
        self,
        protocol: str | Mapping[str, Any] | Protocol = 'wsol-v2',
        step: float = 0.001,
        num_workers: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(protocol, **kwargs)
        self.grid = threshold_grid(step)
        if self.choice and not np.isin(self.choice.level_thresholds, self.grid).all():
            raise ValueError(
                f'{kwargs["threshold_file"]}: thresholds {self.choice.level_thresholds} are not on a grid of step '
                f'{step}: use the step with which they were chosen'
            )
        self.num_workers = num_workers
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: list[tuple[dict, Future | None]] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch, here or in the workers; see :meth:`BaseLocMetric.process`."""
        if not self.num_workers:
            super().process(data_batch, data_samples)
            return
        for sample in data_samples:
            protocol = self.protocol_for(sample)
            task = None  # of an image without an object
            if self.shows_object(sample):
                self._pool = self._pool or _start_workers(self.num_workers)
                task = self._pool.submit(correct_at_thresholds, *self._inputs(sample, protocol), protocol, self.grid)
            known = {key: sample[key] for key in ('number', 'img_id', 'img_path', 'set_name') if key in sample}
            self._waiting.append((known, task))
            self._take(self.num_workers * _WAITING_PER_WORKER)

    def score(self, sample: dict, protocol: Protocol) -> np.ndarray:
        """Say at which thresholds an image is right.

        Args:
            sample: Has ``gt_label``, ``gt_instances``, ``class_maps`` and
                ``ori_shape``.
            protocol: The rules.

        Returns:
            ``(L, T)`` ``int64`` array for L IoU levels and T thresholds.

        Raises:
            ValueError: If there is no true box or no map of the true class, or
                a true box is not one within the image.
        """
        return correct_at_thresholds(*self._inputs(sample, protocol), protocol, self.grid).astype(np.int64)

    def _inputs(self, sample: dict, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
        return true_class_map(sample, self.map_kind), true_boxes(sample, protocol)

    def _take(self, leave: int) -> None:
        """Add finished images, in their order, until no more than this many are waiting."""
        while len(self._waiting) > leave:
            sample, task = self._waiting.pop(0)
            if task is None:
                self.pass_over(sample, self.protocol)
                continue
            try:
                with naming(sample):
                    self.keep(sample, task.result().astype(np.int64), self.protocol)
            except ValueError:
                self._stop_workers()
                raise

    def gather(self, size: int) -> list:
        """Wait for the workers, send them home and gather; see :class:`BaseSumMetric`."""
        self._take(0)
        self._stop_workers()
        return super().gather(size)

    def _stop_workers(self) -> None:
        self._waiting.clear()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

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


def _start_workers(num_workers: int) -> ProcessPoolExecutor:
    # Forked like the workers of data loaders: they start at once and touch no accelerator.
    return ProcessPoolExecutor(num_workers, get_context('fork'), initializer=cv2.setNumThreads, initargs=(0,))
