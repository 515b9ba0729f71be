"""Reads the rows of ``LocAccuracy`` that a test leaves as a CSV file."""

import csv
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmtscam.localization import Outcome
from mmtscam.utils.printable import from_cell

# Columns of the CSV file of LocAccuracy.
ROW_KEYS = (
    'img_path', 'true_label', 'true_class', 'predicted_label', 'predicted_class', 'rank',
    'x1', 'y1', 'x2', 'y2', 'iou', 'outcome', 'map_kind', 'threshold', 'threshold_source',
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One image of a CSV file.

    Args:
        path: Path of the image, as the test knew it.
        true: Its true label.
        predicted: The best class; ``None`` where there are no class scores.
        rank: Rank of the true class, 1 for the best; ``None`` likewise.
        box: Predicted box, ``(x1, y1, x2, y2)`` in the image's pixels.
        iou: Its IoU with the best true box.
        outcome: Outcome of the Top-1 prediction; ``None`` likewise.
        threshold: The threshold with which the box was drawn.
        source: Where that comes from.
    """

    path: str
    true: int
    predicted: int | None
    rank: int | None
    box: tuple[float, float, float, float]
    iou: float
    outcome: Outcome | None
    threshold: float
    source: str


def missing_columns(file: Path) -> list[str]:
    """Columns that a file lacks, in their order.

    Args:
        file: The file, which exists.

    Raises:
        ValueError: If it is no CSV file.
    """
    with _reading(file) as reader:
        found = reader.fieldnames or ()
    return [key for key in ROW_KEYS if key not in found]


@contextmanager
def _reading(file: Path) -> Iterator[csv.DictReader]:
    """Read a CSV file, and name it where that fails."""
    try:
        with file.open(newline='', encoding='utf-8') as stream:
            yield csv.DictReader(stream)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f'{file}: not a readable CSV file in UTF-8: {error}') from error


def read_rows(file: Path) -> tuple[list[Row], int, dict[int, str]]:
    """Read a file.

    Args:
        file: The file.

    Returns:
        The rows of images that show an object, the number of the others, and
        label to name of the classes that occur.

    Raises:
        ValueError: If the file is missing, lacks a column, or a row is
            damaged; names the line.
    """
    rows: list[Row] = []
    bare = 0
    classes: dict[int, str] = {}
    if not file.is_file():
        raise ValueError(f'{file}: not found, but report.json beside it names it; tools/test.py writes both anew')
    if missing := missing_columns(file):
        raise ValueError(
            f'{file}: no column {", ".join(missing)}: columns are parted by commas and have the names that '
            'tools/test.py gives them; it writes the file anew'
        )
    with _reading(file) as reader:
        for raw in reader:
            if raw['iou'] == raw['x1'] == '':
                bare += 1
                continue
            try:
                row = _row(raw)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f'{file}, line {reader.line_num}: {error}') from error
            rows.append(row)
            classes[row.true] = from_cell(raw['true_class']) or f'class {row.true}'
            if row.predicted is not None:
                classes[row.predicted] = from_cell(raw['predicted_class']) or f'class {row.predicted}'
    return rows, bare, classes


def _row(raw: Mapping[str, Any]) -> Row:
    if cut := [key for key in ROW_KEYS if raw[key] is None]:
        raise ValueError(f'nothing in column {cut[0]!r}: the line is cut off')
    x1, y1, x2, y2 = (_number(raw, key) for key in ('x1', 'y1', 'x2', 'y2'))
    return Row(
        path=from_cell(raw['img_path']),
        true=int(_number(raw, 'true_label')),
        predicted=int(_number(raw, 'predicted_label')) if raw['predicted_label'] else None,
        rank=int(_number(raw, 'rank')) if raw['rank'] else None,
        box=(x1, y1, x2, y2),
        iou=_number(raw, 'iou'),
        outcome=Outcome(raw['outcome']) if raw['outcome'] else None,
        threshold=_number(raw, 'threshold'),
        source=raw['threshold_source'],
    )


def _number(raw: Mapping[str, str], key: str) -> float:
    try:
        value = float(raw[key])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'{key} is no number: {raw[key]!r}')
    return value
