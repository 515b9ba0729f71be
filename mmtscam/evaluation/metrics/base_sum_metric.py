"""Base of the metrics that are a sum over images."""

from typing import Any

import numpy as np
from mmengine.dist import all_gather_object

from mmtscam.evaluation.samples import sample_name
from mmtscam.localization import Protocol

from .base_loc_metric import BaseLocMetric


class BaseSumMetric(BaseLocMetric):
    """Keeps a sum over all images instead of a row of each.

    :meth:`score` gives an image's addend, an integer array of always the same
    shape, and :meth:`summarise` takes the sum of all addends. There is no CSV
    file.

    Samplers repeat images so that all processes get equally many. Repeated
    images come last in their process, so the last image's addend is kept
    apart, to be left out where it is a repeated one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._start()

    def _start(self) -> None:
        self._sum: np.ndarray | int = 0
        self._last: np.ndarray | int = 0
        self._images: list[tuple[int | None, str, bool]] = []

    def keep(self, sample: dict, scored: np.ndarray | int, protocol: Protocol, has_object: bool = True) -> None:
        """Add an image's addend."""
        self._sum = self._sum + self._last
        self._last = scored
        self._images.append((sample.get('img_id'), sample_name(sample), has_object))

    def pass_over(self, sample: dict, protocol: Protocol) -> None:
        """Take note of an image without an object, which adds nothing."""
        self.keep(sample, 0, protocol, has_object=False)

    def gather(self, size: int) -> list:
        """Gather the sums of all processes, and start again from zero."""
        gathered = all_gather_object((self._sum, self._last, self._images))
        self._start()
        return gathered

    def merge(self, gathered: list) -> tuple[np.ndarray, int, int]:
        """Add up the sums of all processes without repeated images."""
        total, images, with_object, seen = np.zeros(1, np.int64), 0, 0, set()
        for done, last, scored in gathered:
            for place, (img_id, name, has_object) in enumerate(scored, start=1):
                repeated = img_id is not None and img_id in seen
                if repeated and place < len(scored):
                    raise ValueError(f'{name}: the image with img_id {img_id} was scored twice')
                seen.add(img_id)
                images += not repeated
                with_object += has_object and not repeated
            total = total + done + (0 if repeated else last) if scored else total
        return total, images, with_object
