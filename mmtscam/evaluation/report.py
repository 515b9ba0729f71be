"""Results of metrics with all that is needed to trust them: on the terminal, as JSON, as CSV."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from mmtscam.localization import Protocol
from mmtscam.utils.files import write_text
from mmtscam.utils.printable import as_cell, printable
from mmtscam.version import __version__

from .thresholds import ThresholdChoice, ThresholdSource

_OUTCOME = 'outcome_'
_SHORT = {'classification': 'wrong class', 'multi_instance': 'multi inst.'}
_RIGHT = ('value', 'images', 'threshold')


@dataclass(frozen=True)
class Number:
    """One number of a result.

    Args:
        name: Its name without the threshold's source.
        value: Its value in ``unit``. The metric turns a scalar of NumPy or
            PyTorch into a number of Python.
        unit: ``'%'``, or ``'images'`` for counts, or another.
        count: Number of images behind a percentage, where it is one.
        threshold: The threshold for drawing boxes, where there was a single
            one. The metric fills it in.
        source: Where that comes from. The metric fills it in.
        uses_threshold: Whether the number depends on the threshold, in a
            metric that uses one.
        images: Number of all images that the number is about; those with an
            object by default.
    """

    name: str
    value: float
    unit: str = '%'
    count: int | None = None
    threshold: float | None = None
    source: ThresholdSource | None = None
    uses_threshold: bool = True
    images: int | None = None

    @property
    def key(self) -> str:
        """The name with the threshold's source, under which it is logged."""
        return self.name + (self.source.suffix if self.source else '')


@dataclass
class MetricResult:
    """Everything that one metric found.

    Args:
        name: Prefix of the names of its numbers.
        metric: Name of its class.
        protocol: Rules of the evaluation, with the threshold where all images
            had the same.
        map_kind: Name of the kind of map that was scored; ``'maps'`` for maps
            of other code.
        images: Number of scored images.
        numbers: The numbers.
        curves: Name of a curve to its columns, which are equally long.
        rows: One dict an image, all with the same keys; empty where the
            metric keeps nothing of single images.
        with_object: Number of images that show an object, on which
            localization was scored; all by default.
        truth: The truth by which they are known to show one.
    """

    name: str
    metric: str
    protocol: Protocol
    map_kind: str
    images: int
    numbers: list[Number]
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    with_object: int | None = None
    truth: str = 'true box'

    def __post_init__(self) -> None:
        """Fill in the counts that are not given."""
        self.with_object = self.images if self.with_object is None else self.with_object
        self.numbers = [
            replace(number, images=self.with_object) if number.images is None else number for number in self.numbers
        ]

    @property
    def counts(self) -> str:
        """Both counts of images, in words."""
        return f'{self.images} images, {self.with_object} with a {self.truth}'

    def scalars(self) -> dict[str, float]:
        """The numbers as mmengine logs them."""
        return {number.key: number.value for number in self.numbers}


def print_results(results: Sequence[MetricResult], console: Console | None = None) -> None:
    """Print results as a table, and the outcomes of the Top-1 prediction as another.

    Args:
        results: The results.
        console: Where to; the terminal by default.
    """
    console = console or Console()
    table = Table(title=f'Localization: {_counts(results)}', box=SIMPLE_HEAD, padding=0)
    for column in ('protocol', 'map', 'result', 'value', 'images', 'threshold', 'chosen'):
        justify: JustifyMethod = 'right' if column in _RIGHT else 'left'
        table.add_column(column, justify=justify, overflow='fold', no_wrap=column == 'result')
    for result in results:
        protocol = result.protocol.name
        name = result.name if result.name.startswith(protocol) else f'{result.name} ({protocol})'
        head = (escape(name), escape(result.map_kind))
        for number in result.numbers:
            if number.name.startswith(_OUTCOME):
                continue
            table.add_row(
                *head,
                escape(number.name),
                f'{number.value:.2f} {escape(number.unit)}'.rstrip(),
                '' if number.count is None else f'{number.count}/{number.images}',
                '' if number.threshold is None else f'{number.threshold:.3f}',
                number.source.value if number.source else '',
            )
            head = ('', '')
        table.add_section()
    console.print(table)

    counted = [
        (result, {number.name.removeprefix(_OUTCOME): int(number.value) for number in numbers})
        for result in results
        if (numbers := [number for number in result.numbers if number.name.startswith(_OUTCOME)])
    ]
    if counted:
        shown = _counts([result for result, _ in counted])
        table = Table(title=f'Outcomes of the Top-1 prediction: {shown}', box=SIMPLE_HEAD)
        table.add_column('protocol', overflow='fold')
        for name in counted[0][1]:
            table.add_column(_SHORT.get(name, name), justify='right')
        for result, counts in counted:
            table.add_row(escape(result.name), *map(str, counts.values()))
        console.print(table)


def _counts(results: Sequence[MetricResult]) -> str:
    # Those of all images: single sets are smaller.
    largest = max((result.images for result in results), default=0)
    return '; '.join(dict.fromkeys(result.counts for result in results if result.images == largest))


def print_choices(choices: Sequence[ThresholdChoice], images: str, console: Console | None = None) -> None:
    """Print chosen thresholds, and the accuracy of each on the very images of its choice, as a table.

    Args:
        choices: The thresholds.
        images: Numbers of images on which they were chosen, see
            :attr:`MetricResult.counts`.
        console: Where to; the terminal by default.
    """
    table = Table(title=f'Thresholds chosen on {images}, for others')
    for column in ('protocol', 'map', 'IoU', 'threshold', 'oracle GT-known'):
        table.add_column(column, justify='left' if column in ('protocol', 'map') else 'right')
    for choice in choices:
        levels = choice.protocol.iou_levels
        names = map(str, levels)
        rows = list(zip(names, choice.level_thresholds, choice.level_oracle_accuracies, strict=True))
        if len(levels) > 1:
            rows.insert(0, ('mean', choice.threshold, choice.oracle_accuracy))
        head = (escape(printable(choice.protocol.name)), escape(printable(choice.map_kind)))
        for level, threshold, accuracy in rows:
            table.add_row(*head, level, f'{threshold:.3f}', f'{accuracy:.2f} %')
            head = ('', '')
        table.add_section()
    (console or Console()).print(table)


def write_report(out_dir: str | os.PathLike, results: Sequence[MetricResult], origin: Mapping[str, Any]) -> list[Path]:
    """Write results as ``report.json`` and, for each with rows, a CSV file.

    A CSV file is called ``NAME.csv`` after its result, or ``NAME-METRIC.csv``
    where that is taken; ``report.json`` names it under ``rows``. A text that a
    spreadsheet would take for a formula has an apostrophe before it.

    Args:
        out_dir: Folder, created if need be.
        results: The results.
        origin: Where they come from: config, checkpoint, hashes.

    Returns:
        The files.

    Raises:
        ValueError: If two results would be written to the same file, or the
            rows of one have different columns.
    """
    out_dir = Path(out_dir)
    tables: dict[str, list[dict[str, Any]]] = {}
    described = []
    for result in results:
        name = f'{result.name.replace("/", "-")}.csv'
        if result.rows and name in tables:
            name = f'{name.removesuffix(".csv")}-{result.metric}.csv'
        if result.rows and name in tables:
            raise ValueError(
                f'two {result.metric} with rows are called {result.name!r}: give the metrics different prefixes'
            )
        if result.rows:
            tables[name] = result.rows
        described.append(_as_json(result, name if result.rows else None))
    content = dict(mmtscam=__version__, origin=dict(origin), results=described)
    texts = {'report.json': json.dumps(content, indent=1, allow_nan=False) + '\n'}
    texts.update({name: _as_csv(rows) for name, rows in tables.items()})
    for name, text in texts.items():
        write_text(out_dir / name, text)
    return [out_dir / name for name in texts]


def _as_json(result: MetricResult, rows: str | None) -> dict[str, Any]:
    content = {**vars(result), 'protocol': asdict(result.protocol), 'rows': rows}
    content['numbers'] = [dict(key=number.key, **asdict(number)) for number in result.numbers]
    for number in content['numbers']:
        del number['uses_threshold']  # the threshold and its source say it
    return _without_nan(content)


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: a value that is not defined is null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    for row in rows:
        if missing := [key for key in rows[0] if key not in row]:
            raise ValueError(f'a row has no column {missing[0]!r}, unlike the first')
        cells = {key: round(value, 6) if isinstance(value, float) else as_cell(value) for key, value in row.items()}
        writer.writerow(cells)
    return text.getvalue()
