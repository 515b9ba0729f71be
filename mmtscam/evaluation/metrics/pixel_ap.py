"""Pixel average precision."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmtscam.evaluation.report import Figure
from mmtscam.evaluation.samples import naming, true_class_map, true_mask
from mmtscam.localization import (
    get_protocol,
    pixel_average_precision,
    pixel_histograms,
    precision_recall,
    threshold_grid,
)
from mmtscam.registry import METRICS

from .base_sum_metric import BaseSumMetric


@METRICS.register_module()
class PixelAP(BaseSumMetric):
    """PxAP: area under the precision-recall curve of all pixels, from masks.

    ``pxap``, in percent; no threshold is chosen. Pixels that the mask marks
    255 are ignored. The report also has the curve.

    Reference: Choe et al., "Evaluating Weakly Supervised Object Localization
    Methods Right", CVPR 2020.

    Args:
        protocol: Name of a protocol, or a dict with ``base`` and the fields
            to replace: gives the frame and the rules for maps.
        step: Distance of two thresholds.
        map_name: See :class:`BaseLocMetric`.
        collect_device: See :class:`BaseLocMetric`.
        prefix: See :class:`BaseLocMetric`.
    """

    def __init__(
        self,
        protocol: str | dict = 'wsol-v2',
        step: float = 0.001,
        map_name: str = 'maps',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(
            protocol=get_protocol(protocol), map_name=map_name, collect_device=collect_device, prefix=prefix
        )
        self.grid = threshold_grid(step)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Args:
            data_batch: Not used.
            data_samples: :class:`LocDataSample` as dicts, with ``gt_label``,
                ``gt_sem_seg`` and ``class_maps``.

        Raises:
            ValueError: If a sample lacks a mask or the map of its true class.
        """
        for sample in data_samples:
            score_map, mask = true_class_map(sample, self.map_name), true_mask(sample)
            with naming(sample):
                self.add(pixel_histograms(score_map, mask, self.protocol, self.grid), sample.get('img_id'))

    def compute(self, total: np.ndarray, images: int) -> dict[str, float]:
        """Compute PxAP.

        Args:
            total: ``(2, T + 1)`` sum of
                :func:`~mmtscam.localization.pixel_histograms`.
            images: Number of images.

        Returns:
            ``pxap``.

        Raises:
            ValueError: If no mask has a foreground pixel.
        """
        precision, recall = precision_recall(total)
        return self.leave_report(
            images,
            figures=[Figure('pxap', pixel_average_precision(total))],
            curves={
                'precision_recall': dict(
                    threshold=[1.0, *self.grid[::-1].tolist()], precision=precision.tolist(), recall=recall.tolist()
                )
            },
        )
