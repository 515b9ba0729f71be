"""A metric that is a sum over images."""

from abc import abstractmethod
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .base_loc_metric import BaseLocMetric


class BaseSumMetric(BaseLocMetric):
    """Keeps a sum over all images instead of a list of them.

    Of single images it keeps their ids alone. Samplers repeat images so that
    all processes get equally many; these come last in their process, so the
    last image's addend is kept apart, to be left out where it is a repeated
    one.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sum: np.ndarray | int = 0
        self._last: np.ndarray | int = 0
        self._ids: list[int | None] = []

    def add(self, addend: np.ndarray, img_id: int | None) -> None:
        """Add one image's counts.

        Args:
            addend: Integer array of always the same shape.
            img_id: Number of the image, where it is known.
        """
        self._sum = self._sum + self._last
        self._last = addend
        self._ids.append(img_id)

    def finish(self) -> None:
        """Add what is still being worked on."""

    @abstractmethod
    def compute(self, total: np.ndarray, images: int) -> dict[str, float]:
        """Turn the sum into figures.

        Args:
            total: Sum of all addends.
            images: Number of images.

        Returns:
            Names, without prefix, and values.
        """

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Turn addends that were collected elsewhere into figures.

        Args:
            results: One addend an image.

        Returns:
            See :meth:`compute`.
        """
        return self.compute(np.sum(results, axis=0), len(results))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the sums of all processes and compute.

        Args:
            size: Number of images in the data set.

        Returns:
            Names and values, the same in every process.

        Raises:
            ValueError: If an image was scored twice other than by a sampler
                that fills up, or one is missing.
        """
        self.finish()
        parts = all_gather_object((self._sum, self._last, self._ids))
        self._sum, self._last, self._ids = 0, 0, []
        total, images = self._merge(parts)
        if not size or images != size:
            raise ValueError(f'{type(self).__name__}: {images} images were scored, but the data set has {size}')
        computed: list[Any] = [None]
        if is_main_process():
            try:
                computed = [{f'{self.prefix}/{name}': value for name, value in self.compute(total, size).items()}]
            except ValueError as error:  # all processes must hear of it, or they would wait for ever
                computed = [error]
        broadcast_object_list(computed)
        if isinstance(computed[0], ValueError):
            raise computed[0]
        return computed[0]

    def _merge(self, parts: list[tuple]) -> tuple[np.ndarray, int]:
        """Sum of all processes without repeated images, and the number of images in it."""
        total, images, seen = np.zeros(1, np.int64), 0, set()
        for done, last, ids in parts:
            for place, img_id in enumerate(ids, start=1):
                repeated = img_id is not None and img_id in seen
                if repeated and place < len(ids):
                    raise ValueError(f'{type(self).__name__}: the image with img_id {img_id} was scored twice')
                seen.add(img_id)
                images += not repeated
            total = total + done + (0 if repeated else last) if ids else total
        return total, images
