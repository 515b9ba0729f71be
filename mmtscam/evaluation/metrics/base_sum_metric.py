"""Base of the metrics that are a sum over images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import all_gather_object

from mmtscam.evaluation.samples import sample_key, sample_name
from mmtscam.localization import Protocol

from .base_loc_metric import BaseLocMetric, Merged


class BaseSumMetric(BaseLocMetric):
    """Keeps a sum over all images instead of a row of each.

    :meth:`score` gives an image's addend, an array of integers or booleans of
    always the same shape, and :meth:`summarise` takes the sum of all addends. There is no CSV
    file.

    Samplers repeat images so that all processes get equally many. Repeated
    images come last in their process, so the last image's addend is kept
    apart, to be left out where it is a repeated one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._start()

    def _start(self) -> None:
        self._sums: dict[str | None, np.ndarray | int] = {}  # by set
        self._last: np.ndarray | int = 0
        self._images: list[_Seen] = []

    def keep(self, sample: dict, scored: np.ndarray | int, protocol: Protocol, has_object: bool = True) -> None:
        """Add an image's addend."""
        if self._images:
            before = self._images[-1].set_name
            self._sums[before] = self._sums.get(before, 0) + self._last
        self._last = scored
        self._images.append(_Seen(sample_key(sample), sample_name(sample), sample.get('set_name'), has_object))

    def pass_over(self, sample: dict, protocol: Protocol) -> None:
        """Take note of an image without an object, which adds nothing."""
        self.keep(sample, 0, protocol, has_object=False)

    def gather(self, size: int) -> list:
        """Gather the sums of all processes, and start again from zero."""
        gathered = all_gather_object((self._sums, self._last, self._images))
        self._start()
        return gathered

    def merge(self, gathered: list) -> dict[str | None, Merged]:
        """Add up the sums of all processes without repeated images."""
        totals: dict[str | None, np.ndarray | int] = {}
        images: list[_Seen] = []
        seen = set()
        for sums, last, scored in gathered:
            for name, value in sums.items():
                totals[name] = totals.get(name, 0) + value
            for place, image in enumerate(scored, start=1):
                repeated = image.key is not None and image.key in seen
                if repeated and place < len(scored):
                    raise ValueError(f'{image.name}: the image was scored twice')
                seen.add(image.key)
                if not repeated:
                    images.append(image)
                    if place == len(scored):
                        totals[image.set_name] = totals.get(image.set_name, 0) + last
        whole = _merged(sum(totals.values(), np.zeros(1, np.int64)), images)
        names = dict.fromkeys(image.set_name for image in sorted(images, key=lambda image: image.order))
        return {
            None: whole,
            **{
                name: _merged(totals[name], [image for image in images if image.set_name == name])
                for name in names
                if name is not None
            },
        }


class _Seen(NamedTuple):
    """An image that was scored: its key, path and set, and whether it shows an object."""

    key: Any
    name: str
    set_name: str | None
    has_object: bool

    @property
    def order(self) -> int:
        """Its place in the data set, where it is known."""
        return self.key if isinstance(self.key, int) else 0


def _merged(total: np.ndarray | int, images: Sequence[_Seen]) -> Merged:
    return Merged(total, len(images), sum(image.has_object for image in images))
