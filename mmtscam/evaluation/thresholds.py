"""Sources of a threshold, and the best ones of a sweep."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from mmtscam.localization import Protocol
from mmtscam.utils.printable import shown


class ThresholdSource(str, Enum):
    """Where the threshold of a number comes from.

    ``FIXED``: set before looking, by the config. ``VAL``: the best on other
    images, from a file. ``ORACLE``: the best on the scored images
    themselves, which no user of the model could know.
    """

    FIXED = 'fixed'
    VAL = 'val'
    ORACLE = 'oracle'

    @property
    def suffix(self) -> str:
        """The ending of the names of such numbers."""
        return '' if self is ThresholdSource.FIXED else f'_{self.value}'


@dataclass(frozen=True)
class ThresholdChoice:
    """The best thresholds of one sweep.

    Args:
        protocol: The rules of the sweep.
        asked_kind: Kind of map that the sweep was asked for: a name, or
            ``'maps'`` for the one that the head localises with.
        map_kind: Name of the kind that was swept; ``'maps'`` for maps of other
            code.
        threshold: The best for the mean over the protocol's IoU levels.
        oracle_accuracy: That mean on the images of the sweep, in percent.
        level_thresholds: The best for each IoU level alone.
        level_oracle_accuracies: The accuracy that each of these reaches on
            the images of the sweep, in percent.
    """

    protocol: Protocol
    asked_kind: str
    map_kind: str
    threshold: float
    oracle_accuracy: float
    level_thresholds: tuple[float, ...]
    level_oracle_accuracies: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the thresholds."""
        of_levels = ('level_thresholds', 'level_oracle_accuracies')
        for key in of_levels:
            if len(getattr(self, key)) != len(self.protocol.iou_levels):
                raise ValueError(f'{key}: {len(getattr(self, key))} values for IoU levels {self.protocol.iou_levels}')
        for key in ('oracle_accuracy', of_levels[1]):
            for accuracy in self._values(key):
                if not (isinstance(accuracy, int | float) and 0 <= accuracy <= 100):
                    raise ValueError(f'{key}: an accuracy must be in percent, got {shown(accuracy)}')
        for key in ('asked_kind', 'map_kind'):
            if not isinstance(getattr(self, key), str):
                raise ValueError(f'{key}: a kind of map must be a name, got {shown(getattr(self, key))}')
        for key in ('threshold', of_levels[0]):
            for threshold in self._values(key):
                if threshold is None:
                    raise ValueError(f'{key}: a threshold is missing')
                try:
                    replace(self.protocol, threshold=threshold)  # which checks it
                except ValueError as error:
                    raise ValueError(f'{key}: {error}') from error

    def _values(self, key: str) -> tuple[Any, ...]:
        value = getattr(self, key)
        return value if isinstance(value, tuple) else (value,)

    def check_kind(self, map_kind: str, image: str, path: str) -> None:
        """Refuse a map of another kind than the one that was swept.

        Args:
            map_kind: Name of the kind of map to be scored.
            image: Name of its image, for the message.
            path: The threshold file, for the message.

        Raises:
            ValueError: If it is another kind.
        """
        if map_kind != self.map_kind:
            raise ValueError(
                f'{image}: {path} has a threshold for maps of the kind {self.map_kind!r}, but these are of the kind '
                f'{map_kind!r}: choose one for them with tools/analysis/choose_threshold.py'
            )


def best_thresholds(
    correct: np.ndarray, images: int, thresholds: np.ndarray, protocol: Protocol, asked_kind: str, map_kind: str
) -> ThresholdChoice:
    """Choose thresholds from a sweep; where several are equally good, the lowest.

    Args:
        correct: ``(L, T)`` numbers of images that are right.
        images: Number of all images.
        thresholds: ``(T,)`` thresholds.
        protocol: The rules, with L IoU levels.
        asked_kind: Kind of map that the sweep was asked for.
        map_kind: Name of the kind that was swept.
    """
    mean = correct.sum(axis=0)
    best = correct.argmax(axis=1)
    percent = 100.0 / images
    return ThresholdChoice(
        protocol=replace(protocol, threshold=None),
        asked_kind=asked_kind,
        map_kind=map_kind,
        threshold=float(thresholds[mean.argmax()]),
        oracle_accuracy=float(mean.max() * percent / len(correct)),
        level_thresholds=tuple(thresholds[best].tolist()),
        level_oracle_accuracies=tuple((correct.max(axis=1) * percent).tolist()),
    )
