"""Reading sizes, true boxes and maps of the images from a file of maps."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmtscam.evaluation.origins import other_checkpoints, other_views
from mmtscam.evaluation.report_reader import RunResult
from mmtscam.evaluation.report_rows import Row
from mmtscam.evaluation.stored_maps import MapFile
from mmtscam.structures import MapKind
from mmtscam.utils.printable import shown


@dataclass(frozen=True)
class Truth:
    """Facts of an image that its row does not have.

    Args:
        size: ``(width, height)`` in pixels.
        boxes: True boxes ``[[x1, y1, x2, y2], ...]``; empty if they are not
            known.
    """

    size: tuple[int, int]
    boxes: list[list[float]]


def check_same_test(result: RunResult, maps: MapFile) -> None:
    """Refuse maps of another test, as far as the report and the file of maps say where they come from.

    Args:
        result: A result with rows.
        maps: The file that is said to belong to it.

    Raises:
        ValueError: If checkpoint, views or kinds of map differ.
    """
    assert result.csv_file is not None
    origins = result.report.get('origin') or {}, maps.origin
    differing = []
    if checkpoints := other_checkpoints(*origins):
        differing.append(f'its checkpoint is {checkpoints[0]}, and that of the maps {checkpoints[1]}')
    if all('views' in origin for origin in origins) and (views := other_views(*origins)):
        differing.append(f'its views are {views[0]}, and those of the maps {views[1]}')
    kinds = [kind.name for kind in maps.map_kinds]
    scored = [one['map_kind'] for one in result.report['results']]
    if lacking := [kind for kind in scored if kind not in (*kinds, 'maps')]:  # "maps" are those of other code
        differing.append(f'it scores maps of the kind {shown(lacking[0])}, and the maps are {", ".join(kinds)}')
    if differing:
        raise ValueError(
            f'{result.csv_file.parent / "report.json"} is of another test than {maps.path}: {"; ".join(differing)}: '
            'name the maps that each test saved, in the order of the results'
        )


def survey(maps: MapFile, rows: Sequence[Row]) -> dict[str, Truth]:
    """Check a file of maps against the rows and collect its facts, before pictures are drawn.

    Args:
        maps: The file.
        rows: The images that are shown.

    Returns:
        Path to the facts of the image.

    Raises:
        ValueError: If an image has no maps or has another label, because the
            file belongs to another test.
    """
    wanted = {row.path: row for row in rows}
    found: dict[str, Truth] = {}
    for sample in maps.facts():
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
        if not all(math.isfinite(edge) for box in boxes for edge in box):
            raise ValueError(f'{maps.path}: a true box of {row.path} is not finite: {boxes}')
        found[row.path] = Truth((width, height), [[round(edge, 2) for edge in box] for box in boxes])
    if missing := [row.path for row in rows if row.path not in found]:
        raise ValueError(
            f'{maps.path}: no maps of {missing[0]}, and of {len(missing) - 1} others of {len(rows)}: '
            'save the maps in the test that writes the report'
        )
    return found


def samples_of(maps: MapFile, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Read the samples of some rows, one after the other, in the order of the rows.

    Args:
        maps: The file.
        rows: Images that :func:`survey` found in it. One that is there several
            times, as in joined sets, has its samples in turn.

    Yields:
        The samples.
    """
    places: dict[str, list[int]] = {}
    for sample in maps.facts():
        places.setdefault(sample.get('img_path', ''), []).append(sample['number'])
    for row in rows:
        yield maps[places[row.path].pop(0)]


def shown_maps(
    sample: dict[str, Any], row: Row, kinds: Sequence[MapKind]
) -> Iterator[tuple[MapKind, bool, np.ndarray]]:
    """Maps to draw of one image.

    Args:
        sample: Its sample.
        row: Its row.
        kinds: Kinds of map.

    Yields:
        The kind, whether the map is that of a wrongly predicted class instead
        of the true one, and the ``(h, w)`` map. A class-agnostic map counts
        as the true class's.
    """
    labels = sample['class_maps']['labels'].tolist()
    for kind in kinds:
        maps = sample['class_maps'][kind.name]
        if kind.class_agnostic:
            yield kind, False, maps[0]
            continue
        if row.true in labels:
            yield kind, False, maps[labels.index(row.true)]
        if row.predicted in labels and row.predicted != row.true:
            yield kind, True, maps[labels.index(row.predicted)]
