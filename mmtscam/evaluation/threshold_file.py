"""The file that carries thresholds from a validation split to a test."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mmtscam.localization import Protocol
from mmtscam.utils.files import write_text
from mmtscam.utils.json_files import read_json
from mmtscam.utils.printable import shown

from .thresholds import ThresholdChoice

_FORMAT = 'mmtscam thresholds 2'
_KINDS: dict[type, str] = {str: 'a text', list: 'a list', dict: 'an object'}


@dataclass(frozen=True)
class ThresholdFile:
    """Thresholds chosen on a validation split.

    Args:
        path: The file.
        choices: The chosen thresholds.
        images: Digests of the images on which they were chosen.
        origin: Checkpoint and views of the maps on which they were chosen, see
            :func:`~mmtscam.engine.run_origin.run_origin`.
    """

    path: str
    choices: tuple[ThresholdChoice, ...]
    images: frozenset[str]
    origin: Mapping[str, Any] = field(default_factory=dict)

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
        return _parse(content, path)
    except ValueError as error:
        raise ValueError(
            f'{path}: not a threshold file of this version: {error}; write it anew with '
            'tools/analysis/choose_threshold.py'
        ) from error


def _parse(content: Any, path: str) -> ThresholdFile:
    if (found := _field(content, 'format', str, 'it')) != _FORMAT:
        raise ValueError(f"its 'format' is {shown(found)}, not {_FORMAT!r}")
    rows = _field(content, 'thresholds', list, 'it')
    choices = tuple(_parse_choice(row, f'thresholds[{index}]') for index, row in enumerate(rows))
    images = _field(content, 'images', list, 'it')
    if odd := [image for image in images if not isinstance(image, str)]:
        raise ValueError(f"its 'images' must be texts, got {shown(odd[0])}")
    if not images:
        raise ValueError("its 'images' are none, so the images on which it was chosen cannot be told from others")
    origin = _field(content, 'origin', dict, 'it')
    if not isinstance(views := origin.get('views'), dict | None):
        raise ValueError(f"'views' of its 'origin' must be an object, got {shown(views)}")
    return ThresholdFile(path=path, choices=choices, images=frozenset(images), origin=origin)


def _parse_choice(row: Any, where: str) -> ThresholdChoice:
    values = {each.name: _field(row, each.name, object, where) for each in fields(ThresholdChoice)}
    rules = _field(row, 'protocol', dict, where)
    _field(rules, 'name', str, f'{where}.protocol')
    for key in ('level_thresholds', 'level_oracle_accuracies'):
        values[key] = tuple(_field(row, key, list, where))
    for place, part, kind in ((where, row, ThresholdChoice), (f'{where}.protocol', rules, Protocol)):
        if unknown := part.keys() - {each.name for each in fields(kind)}:
            raise ValueError(f'{place} has an unknown {min(unknown)!r}')
    try:
        return ThresholdChoice(**{**values, 'protocol': Protocol(**rules)})
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f'{where}: {error}') from error


def _field(content: Any, key: str, kind: type, where: str) -> Any:
    """A value that must be there, and of a type."""
    if not isinstance(content, dict):
        raise ValueError(f'{where} must be an object with {key!r}, got {shown(content)}')
    if key not in content:
        raise ValueError(f'{where} has no {key!r}')
    if not isinstance(content[key], kind):
        raise ValueError(f'{where} has {shown(content[key])} for {key!r}, and needs {_KINDS[kind]}')
    return content[key]


def image_digest(image: str) -> str:
    """Digest of an image's id."""
    return hashlib.sha256(Path(image).as_posix().encode()).hexdigest()[:16]


def _rules(protocol: Protocol) -> Protocol:
    return replace(protocol, name='', threshold=None)
