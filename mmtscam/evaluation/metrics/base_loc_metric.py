"""What every localization metric does."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from mmtscam.evaluation.report import Figure, MetricReport
from mmtscam.evaluation.samples import image_key
from mmtscam.evaluation.thresholds import load_thresholds
from mmtscam.localization import Protocol


class BaseLocMetric(BaseMetric):
    """A metric that leaves a :class:`~mmtscam.evaluation.MetricReport` behind.

    Args:
        protocol: Rules of the evaluation.
        map_name: Which maps of the sample's ``class_maps`` to score:
            ``'maps'``, those that the head localises with, or any other that
            it gives, as ``'attention'`` or ``'semantic'``.
        threshold_file: File with thresholds chosen on a validation split.
        collect_device: ``'cpu'`` or ``'gpu'``, for gathering results.
        prefix: Prefix of the names of the results; the protocol's name by
            default.
    """

    def __init__(
        self,
        protocol: Protocol,
        map_name: str = 'maps',
        threshold_file: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix or protocol.name)
        self.protocol = protocol
        self.map_name = map_name
        self.report: MetricReport | None = None
        self.thresholds = load_thresholds(threshold_file) if threshold_file else None
        self.choice = self.thresholds.find(protocol, map_name) if self.thresholds else None

    def check_unseen(self, data_samples: Sequence[dict]) -> None:
        """Refuse images on which the threshold file was chosen.

        Raises:
            ValueError: If a sample shows one, or does not say what it shows.
        """
        if self.thresholds:
            for sample in data_samples:
                self.thresholds.check_unseen(image_key(sample))

    def leave_report(self, images: int, figures: list[Figure], **details: Any) -> dict[str, float]:
        """Leave a report behind.

        Args:
            images: Number of scored images.
            figures: The figures.
            **details: Further fields of the report, or other values than the
                metric's own.

        Returns:
            The figures as mmengine logs them.
        """
        own = dict(name=str(self.prefix), metric=type(self).__name__, protocol=self.protocol, map_name=self.map_name)
        self.report = MetricReport(**{**own, 'images': images, 'figures': figures, **details})
        return self.report.scalars()


def level_suffix(level: float, levels: Sequence[float]) -> str:
    """What tells the figures of several IoU levels apart: ``_iou50``; nothing where there is one."""
    return '' if len(levels) == 1 else f'_iou{round(100 * level, 2):g}'
