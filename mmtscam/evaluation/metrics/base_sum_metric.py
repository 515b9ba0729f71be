"""A metric that is a sum over images."""

import numpy as np
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .base_loc_metric import BaseLocMetric


class BaseSumMetric(BaseLocMetric):
    """Keeps a sum over all images instead of a list of them.

    Its memory does not grow with the data set. Samplers repeat images so
    that all processes get equally many; these come last in their process, so
    the last image's addend is kept apart, to be left out where it is one too
    many.
    """

    def __init__(self, **kwargs) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**kwargs)
        self._sum: np.ndarray | int = 0
        self._last: np.ndarray | int = 0
        self._seen = 0

    def add(self, addend: np.ndarray) -> None:
        """Add one image's counts, an integer array of always the same shape."""
        self._sum = self._sum + self._last
        self._last = addend
        self._seen += 1

    def finish(self) -> None:
        """Add what is still being worked on."""

    def compute(self, total: np.ndarray, images: int) -> dict[str, float]:
        """Turn the sum into figures.

        Args:
            total: Sum of all addends.
            images: Number of images.

        Returns:
            Names, without prefix, and values.
        """
        raise NotImplementedError

    def compute_metrics(self, results: list) -> dict[str, float]:
        """See :meth:`compute`; there is no list of results."""
        raise NotImplementedError

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the sums of all processes and compute.

        Args:
            size: Number of images in the data set.

        Returns:
            Names and values, the same in every process.

        Raises:
            ValueError: If fewer images were scored, or more than a sampler
                repeats.
        """
        self.finish()
        parts = all_gather_object((self._sum, self._last, self._seen))
        self._sum, self._last, self._seen = 0, 0, 0
        surplus = sum(seen for *_, seen in parts) - size
        if not size or not 0 <= surplus < len(parts):
            raise ValueError(
                f'{type(self).__name__}: {size + surplus} images were scored in {len(parts)} processes, '
                f'but the data set has {size}'
            )
        metrics: list[dict[str, float]] = [{}]
        if is_main_process():
            # A sampler deals images out in turn: the last processes have the repeated ones.
            first_surplus = len(parts) - surplus
            total = sum(done + (last if rank < first_surplus else 0) for rank, (done, last, _) in enumerate(parts))
            metrics = [{f'{self.prefix}/{name}': value for name, value in self.compute(total, size).items()}]
        broadcast_object_list(metrics)
        return metrics[0]
