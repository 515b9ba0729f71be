"""MaxBoxAcc and MaxBoxAccV2."""

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np

from mmtscam.evaluation.report import Figure
from mmtscam.evaluation.samples import naming, true_boxes, true_class_map
from mmtscam.evaluation.thresholds import ThresholdChoice, ThresholdSource, best_thresholds
from mmtscam.localization import correct_at_thresholds, get_protocol, threshold_grid
from mmtscam.registry import METRICS

from .base_loc_metric import level_suffix
from .base_sum_metric import BaseSumMetric

_WAITING_PER_WORKER = 64  # images; as many as keep the workers busy while a batch is predicted


@METRICS.register_module()
class MaxBoxAcc(BaseSumMetric):
    """GT-known Loc at every threshold of a grid, and at the best.

    ``maxboxacc_oracle`` is MaxBoxAcc (protocol ``wsol-v1``) or MaxBoxAccV2
    (``wsol-v2``, the mean over three IoU levels, each with its own best
    threshold; ``maxboxacc_iou30_oracle`` and so on are the levels). The best
    threshold is that of the scored images themselves: an oracle, and named
    so. With a threshold file, ``boxacc_val`` and ``boxacc_iou30_val`` are
    what its thresholds reach.

    The report also has the accuracy at every threshold.

    Reference: Choe et al., "Evaluating Weakly Supervised Object Localization
    Methods Right", CVPR 2020.

    Args:
        protocol: Name of a protocol, or a dict with ``base`` and the fields
            to replace; its threshold is not used.
        threshold_file: File of ``tools/analysis/choose_threshold.py``.
        step: Distance of two thresholds.
        num_workers: Number of processes that share the work; 0 for none but
            this one.
        map_name: See :class:`BaseLocMetric`.
        collect_device: See :class:`BaseLocMetric`.
        prefix: See :class:`BaseLocMetric`.

    Raises:
        ValueError: If an argument is out of range, or the thresholds of the
            file are not on the grid.
    """

    def __init__(
        self,
        protocol: str | dict = 'wsol-v2',
        threshold_file: str | None = None,
        step: float = 0.001,
        num_workers: int = 0,
        map_name: str = 'maps',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(
            protocol=get_protocol(protocol),
            map_name=map_name,
            threshold_file=threshold_file,
            collect_device=collect_device,
            prefix=prefix,
        )
        self.grid = threshold_grid(step)
        if self.choice and not np.isin(self.choice.level_thresholds, self.grid).all():
            raise ValueError(
                f'{threshold_file}: thresholds {self.choice.level_thresholds} are not on a grid of step {step}: '
                'use the step with which they were chosen'
            )
        self.best: ThresholdChoice | None = None
        self.num_workers = num_workers
        self._score = partial(correct_at_thresholds, protocol=self.protocol, thresholds=self.grid)
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: list[tuple[dict, Future]] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Args:
            data_batch: Not used.
            data_samples: :class:`LocDataSample` as dicts, with ``gt_label``,
                ``gt_instances``, ``class_maps`` and ``ori_shape``.

        Raises:
            ValueError: If a sample lacks a true box or the map of its true
                class, a true box is not one within the image, or the
                thresholds were chosen on this very image.
        """
        self.check_unseen(data_samples)
        for sample in data_samples:
            args = (true_class_map(sample, self.map_name), true_boxes(sample, self.protocol))
            if self.num_workers:
                self._pool = self._pool or _start_workers(self.num_workers)
                self._waiting.append((_identity(sample), self._pool.submit(self._score, *args)))
                self._take(self.num_workers * _WAITING_PER_WORKER)
            else:
                with naming(sample):
                    self.add(self._score(*args).astype(np.int64), sample.get('img_id'))

    def _take(self, leave: int) -> None:
        """Add finished images, in their order, until no more than this many are waiting."""
        while len(self._waiting) > leave:
            sample, scored = self._waiting.pop(0)
            try:
                with naming(sample):
                    self.add(scored.result().astype(np.int64), sample.get('img_id'))
            except ValueError:
                self._stop_workers()
                raise

    def finish(self) -> None:
        """Wait for the workers and send them home."""
        self._take(0)
        self._stop_workers()

    def _stop_workers(self) -> None:
        self._waiting.clear()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def compute(self, total: np.ndarray, images: int) -> dict[str, float]:
        """Find the best thresholds.

        Args:
            total: ``(L, T)`` numbers of images that are right.
            images: Number of images.

        Returns:
            Percentages under the names of the class docstring.
        """
        best = best_thresholds(total, images, self.grid, self.protocol, self.map_name)
        self.best = best
        figures = self._figures('maxboxacc', total, images, best, ThresholdSource.ORACLE)
        if self.choice:
            figures += self._figures('boxacc', total, images, self.choice, ThresholdSource.VAL)
        levels = self.protocol.iou_levels
        curve = {'threshold': self.grid.tolist()}
        for level, counts in zip(levels, total, strict=True):
            curve[f'gt_known{level_suffix(level, levels)}'] = (100.0 * counts / images).tolist()
        return self.leave_report(images, figures, curves={'accuracy_over_threshold': curve})

    def _figures(
        self, name: str, total: np.ndarray, images: int, choice: ThresholdChoice, source: ThresholdSource
    ) -> list[Figure]:
        """Accuracy of each level at its own threshold, and the mean where there are several."""
        levels = self.protocol.iou_levels
        figures = []
        for level, threshold, counts in zip(levels, choice.level_thresholds, total, strict=True):
            count = int(counts[self.grid == threshold].item())
            figures.append(
                Figure(name + level_suffix(level, levels), 100.0 * count / images, '%', count, threshold, source)
            )
        if len(levels) > 1:
            mean = float(np.mean([figure.value for figure in figures]))
            figures.insert(0, Figure(name, mean, source=source))
        return figures


def _identity(sample: dict) -> dict:
    return {key: sample[key] for key in ('img_id', 'img_path') if key in sample}


def _start_workers(num_workers: int) -> ProcessPoolExecutor:
    # Forked as data loaders' workers are: they start at once and touch no accelerator.
    return ProcessPoolExecutor(num_workers, get_context('fork'), initializer=cv2.setNumThreads, initargs=(0,))
