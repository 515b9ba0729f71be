"""What a file of maps adds to the rows: sizes, true boxes and the maps themselves."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmtscam.evaluation.report_reader import Row
from mmtscam.evaluation.stored_maps import MapFile

_NOT_MAPS = ('labels', 'scores', 'threshold')
_ORDER = ('coupled', 'attention', 'semantic')


@dataclass(frozen=True)
class Truth:
    """What is known of an image beyond its row.

    Args:
        size: ``(width, height)`` in pixels.
        boxes: True boxes ``[[x1, y1, x2, y2], ...]``; none if not known.
    """

    size: tuple[int, int]
    boxes: list[list[float]]


def survey(maps: MapFile, rows: Sequence[Row]) -> tuple[dict[str, Truth], dict[str, list[str]]]:
    """Go through a file of maps before pictures are drawn of it.

    Args:
        maps: The file.
        rows: The images that are shown.

    Returns:
        Path to what is known of the image, and the kinds of maps: the name
        under which each is drawn to the names of all that are the same.

    Raises:
        ValueError: If an image has no maps, or has another label: the file is
            of another test; or if a name of maps is no name for a folder.
    """
    wanted = {row.path: row for row in rows}
    found: dict[str, Truth] = {}
    names: dict[str, None] = {}
    differ: set[tuple[str, str]] = set()
    for sample in maps:
        row = wanted.get(sample.get('img_path', ''))
        if row is None:
            continue
        if sample.get('gt_label', row.true) != row.true:
            raise ValueError(
                f'{maps.path}: {row.path} has label {sample["gt_label"]}, but {row.true} in the CSV file: '
                'they are not of the same test'
            )
        height, width = sample['ori_shape']
        boxes = sample['gt_instances']['bboxes'].tolist() if 'gt_instances' in sample else []
        found[row.path] = Truth((width, height), [[round(edge, 2) for edge in box] for box in boxes])
        own = kinds_of(sample)
        names.update(dict.fromkeys(own))
        # Maps that the file holds once are the same object.
        differ.update((a, b) for a in own for b in own if own[a] is not own[b])
    if odd := [name for name in names if not re.fullmatch(r'\w[\w.-]*', name)]:
        raise ValueError(f'{maps.path}: maps called {odd[0]!r} cannot be written to a folder of that name')
    if missing := [row.path for row in rows if row.path not in found]:
        raise ValueError(
            f'{maps.path}: no maps of {missing[0]}, and of {len(missing) - 1} others of {len(rows)}: '
            'save the maps in the test that writes the report'
        )
    ordered = sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    kinds: dict[str, list[str]] = {}
    for name in sorted(ordered, key=lambda name: name == 'maps'):
        same = next((kind for kind in kinds if (kind, name) not in differ), None)
        kinds.setdefault(same or name, []).append(name)
    return found, kinds


def kinds_of(sample: dict[str, Any]) -> dict[str, np.ndarray]:
    """The maps of a sample, ``(k, h, w)`` each, by name."""
    return {name: maps for name, maps in sample['class_maps'].items() if name not in _NOT_MAPS}


def shown_maps(sample: dict[str, Any], row: Row, kinds: Sequence[str]) -> Iterator[tuple[str, bool, np.ndarray]]:
    """Maps to draw of one image.

    Args:
        sample: Its sample.
        row: Its row.
        kinds: Kinds of maps.

    Yields:
        The kind, whether it is that of a wrongly predicted class instead of
        the true one, and the ``(h, w)`` map.
    """
    labels = sample['class_maps']['labels'].tolist()
    own = kinds_of(sample)
    for kind in kinds:
        if kind not in own:
            continue
        true = own[kind][labels.index(row.true)] if row.true in labels else None
        if true is not None:
            yield kind, False, true
        if row.predicted in labels and row.predicted != row.true:
            predicted = own[kind][labels.index(row.predicted)]
            # Attention is the same for every class.
            if true is None or not np.array_equal(true, predicted):
                yield kind, True, predicted
