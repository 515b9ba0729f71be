"""Pixel average precision."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from mmtscam.evaluation.report import Number
from mmtscam.evaluation.samples import true_class_map, true_mask
from mmtscam.localization import (
    Protocol,
    pixel_average_precision,
    pixel_histograms,
    precision_recall,
    threshold_grid,
)
from mmtscam.registry import METRICS
from mmtscam.utils.worker_processes import Task

from .base_sum_metric import BaseSumMetric


@METRICS.register_module()
class PixelAP(BaseSumMetric):
    """PxAP: area under the precision-recall curve of all pixels, from masks.

    ``pxap`` is in percent; no threshold is chosen. Pixels that the mask marks
    255 are ignored. The result also has the curve.

    Reference: Choe et al., "Evaluating Weakly Supervised Object Localization
    Methods Right", CVPR 2020.

    An image without a true box shows no object and is left out. Without boxes
    in the data set every image counts, as in the benchmark: a mask without
    foreground, or with an object too thin for the frame, is all background.

    Args:
        protocol: Gives the frame and the rules for maps; see
            :class:`BaseLocMetric`. Its threshold is not used.
        step: Distance of two thresholds.
        **kwargs: Further arguments of :class:`BaseLocMetric`.
    """

    uses_threshold = False
    truth = 'true mask'

    def __init__(
        self, protocol: str | Mapping[str, Any] | Protocol = 'wsol-v2', step: float = 0.001, **kwargs: Any
    ) -> None:
        super().__init__(protocol, **kwargs)
        self.grid = threshold_grid(step)

    def check_dataset(self, dataset: Any) -> None:
        """Check nothing: masks are read one by one in the run."""

    def score(self, sample: dict, protocol: Protocol) -> np.ndarray:
        """Count pixels by their score.

        Args:
            sample: Has ``gt_label``, ``gt_sem_seg`` and ``class_maps``.
            protocol: The rules.

        Returns:
            See :func:`~mmtscam.localization.pixel_histograms`.

        Raises:
            ValueError: If there is no mask or no map of the true class.
        """
        return self.task(sample, protocol)()

    def task(self, sample: dict, protocol: Protocol) -> Task:
        """See :meth:`score`."""
        return partial(pixel_histograms, true_class_map(sample, self.map_kind), true_mask(sample), protocol, self.grid)

    def summarise(self, scored: np.ndarray, images: int) -> list[Number]:
        """Compute PxAP.

        Args:
            scored: ``(2, T + 1)`` sum of
                :func:`~mmtscam.localization.pixel_histograms`.
            images: Number of images that show an object.

        Returns:
            ``pxap``.
        """
        return [Number('pxap', pixel_average_precision(scored))]

    def curves(self, scored: np.ndarray, images: int) -> dict[str, dict[str, list[float]]]:
        """Precision over recall; see :meth:`summarise` for the arguments."""
        precision, recall = precision_recall(scored)
        threshold = [1.0, *self.grid[::-1].tolist()]
        return {'precision_recall': dict(threshold=threshold, precision=precision.tolist(), recall=recall.tolist())}
