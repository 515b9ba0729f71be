"""Sources of a threshold, and the file that carries one from a validation split to a test."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from mmtscam.localization import Protocol
from mmtscam.utils.files import write_text
from mmtscam.utils.json_files import read_json

_FORMAT = 'mmtscam thresholds 2'


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
        for of_levels in (self.level_thresholds, self.level_oracle_accuracies):
            if len(of_levels) != len(self.protocol.iou_levels):
                raise ValueError(f'{len(of_levels)} values for the IoU levels {self.protocol.iou_levels}')
        for accuracy in (self.oracle_accuracy, *self.level_oracle_accuracies):
            if not (isinstance(accuracy, int | float) and 0 <= accuracy <= 100):
                raise ValueError(f'an accuracy must be in percent, got {accuracy!r}')
        for name in (self.asked_kind, self.map_kind):
            if not isinstance(name, str):
                raise ValueError(f'a kind of map must be a name, got {name!r}')
        for threshold in (self.threshold, *self.level_thresholds):
            if threshold is None:
                raise ValueError('a threshold is missing')
            replace(self.protocol, threshold=threshold)  # which checks it

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


@dataclass(frozen=True)
class ThresholdFile:
    """Thresholds chosen on a validation split.

    Args:
        path: The file.
        choices: The chosen thresholds.
        images: Digests of the images on which they were chosen.
        views: Views from which the maps came, see
            :func:`~mmtscam.utils.views.describe_views`; ``None`` for one view.
    """

    path: str
    choices: tuple[ThresholdChoice, ...]
    images: frozenset[str]
    views: Mapping[str, Any] | None = None

    def get(self, protocol: Protocol, map_kind: str) -> ThresholdChoice | None:
        """Look up a choice under the same rules for the same kind of map.

        Args:
            protocol: The rules.
            map_kind: Name of a kind, or ``'maps'`` for the one that the head
                localises with.

        Returns:
            The choice that was asked for in these words, else the one of the
            same kind, else ``None``.
        """
        same = [choice for choice in self.choices if _rules(choice.protocol) == _rules(protocol)]
        asked = [choice for choice in same if choice.asked_kind == map_kind]
        return next(iter(asked + [choice for choice in same if choice.map_kind == map_kind]), None)

    def find(self, protocol: Protocol, map_kind: str) -> ThresholdChoice:
        """Look up a choice that must be there; see :meth:`get`.

        Raises:
            ValueError: If it is not.
        """
        if choice := self.get(protocol, map_kind):
            return choice
        held = ', '.join(f'{choice.protocol.name}/{choice.asked_kind}' for choice in self.choices)
        differing = ''.join(
            f'; its {choice.protocol.name!r} has another {field.name}: {getattr(choice.protocol, field.name)} '
            f'instead of {getattr(protocol, field.name)}'
            for choice in self.choices
            for field in fields(Protocol)
            if (choice.protocol.name, choice.asked_kind) == (protocol.name, map_kind)
            and getattr(_rules(choice.protocol), field.name) != getattr(_rules(protocol), field.name)
        )
        raise ValueError(
            f'{self.path}: no threshold for {map_kind!r} under protocol {protocol.name!r} (there are: {held}'
            f'{differing}): choose one with tools/analysis/choose_threshold.py'
        )

    def check_unseen(self, image: str | None) -> None:
        """Refuse an image on which the thresholds were chosen.

        Args:
            image: Its id in its data set (the path in ``data_root``).

        Raises:
            ValueError: If it is one, or is not known.
        """
        if image is None:
            raise ValueError(
                'samples without image_id or img_path cannot be told from the images on which '
                f'{self.path} was chosen: keep both in the meta_keys of PackLocInputs'
            )
        if image_digest(image) in self.images:
            raise ValueError(
                f'{image}: {self.path} was chosen on this image too; scored on it, its thresholds would be an '
                'oracle: choose them on other images, or report the oracle of MaxBoxAcc'
            )


def save_thresholds(
    path: str | os.PathLike, choices: Sequence[ThresholdChoice], images: Iterable[str], origin: Mapping[str, Any]
) -> None:
    """Write a threshold file.

    Args:
        path: The file.
        choices: The chosen thresholds.
        images: Ids of the images on which they were chosen, each its path in
            the data set's root.
        origin: Config and checkpoint with which they were chosen.
    """
    digests = sorted({image_digest(image) for image in images})
    content = dict(
        format=_FORMAT,
        origin=dict(origin),
        thresholds=[asdict(choice) for choice in choices],
        num_images=len(digests),
        images=digests,
    )
    write_text(path, json.dumps(content, indent=1) + '\n')


def load_thresholds(path: str | os.PathLike) -> ThresholdFile:
    """Read a threshold file.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it is not one.
    """
    path = str(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: threshold file not found; tools/analysis/choose_threshold.py writes one')
    try:
        content = read_json(path)
    except ValueError as error:
        raise ValueError(f'{path}: not a threshold file: it is no JSON') from error
    try:
        if content['format'] != _FORMAT:
            raise ValueError(content['format'])
        choices = tuple(
            ThresholdChoice(
                **{
                    **row,
                    'protocol': Protocol(**row['protocol']),
                    'level_thresholds': tuple(row['level_thresholds']),
                    'level_oracle_accuracies': tuple(row['level_oracle_accuracies']),
                }
            )
            for row in content['thresholds']
        )
        views = content['origin'].get('views')
        return ThresholdFile(path=path, choices=choices, images=frozenset(content['images']), views=views)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f'{path}: not a threshold file of this version: {error!r}') from error


def image_digest(image: str) -> str:
    """Digest of an image's id."""
    return hashlib.sha256(Path(image).as_posix().encode()).hexdigest()[:16]


def _rules(protocol: Protocol) -> Protocol:
    return replace(protocol, name='', threshold=None)
