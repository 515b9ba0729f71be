"""Results with everything that is needed to trust them: on the terminal, as JSON, as CSV."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmtscam.localization import Protocol
from mmtscam.version import __version__

from mmtscam.utils.files import write_text
from .thresholds import ThresholdChoice, ThresholdSource

ROW_KEYS = (
    'img_path', 'true_label', 'true_class', 'predicted_label', 'predicted_class', 'rank',
    'x1', 'y1', 'x2', 'y2', 'iou', 'outcome', 'threshold', 'threshold_source',
)  # fmt: skip
_SHORT = {'classification': 'wrong class', 'multi_instance': 'multi inst.'}
_NUMBERS = ('value', 'images', 'threshold')


@dataclass(frozen=True)
class Figure:
    """One figure of a result.

    Args:
        name: Its name without the threshold's source.
        value: Its value in ``unit``.
        unit: ``'%'``, or ``'images'`` for counts.
        count: Number of images behind a percentage, where it is one.
        threshold: The threshold for drawing boxes, where one is used.
        source: How that was chosen.
    """

    name: str
    value: float
    unit: str = '%'
    count: int | None = None
    threshold: float | None = None
    source: ThresholdSource | None = None

    @property
    def key(self) -> str:
        """The name with the threshold's source, under which it is logged."""
        return self.name + (self.source.suffix if self.source else '')


@dataclass
class MetricReport:
    """Everything that one metric found.

    Args:
        name: Prefix of the metric's results.
        metric: Name of its class.
        protocol: Rules of the evaluation.
        map_name: The maps that were scored.
        images: Number of scored images.
        figures: The figures.
        curves: Name of a curve to its columns, which are equally long.
        rows: One dict an image, with :data:`ROW_KEYS`; empty where the metric
            keeps nothing of single images.
    """

    name: str
    metric: str
    protocol: Protocol
    map_name: str
    images: int
    figures: list[Figure]
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def scalars(self) -> dict[str, float]:
        """The figures as mmengine logs them."""
        return {figure.key: figure.value for figure in self.figures}


def print_reports(reports: Sequence[MetricReport], console: Console | None = None) -> None:
    """Print results as a table, and the outcomes of the Top-1 prediction as another.

    Args:
        reports: The results.
        console: Where to; the terminal by default.
    """
    console = console or Console()
    table = Table(title='Localization', box=SIMPLE_HEAD, padding=(0, 1))
    for column in ('protocol', 'result', 'value', 'images', 'threshold', 'chosen'):
        table.add_column(column, justify='right' if column in _NUMBERS else 'left', overflow='fold')
    for report in reports:
        protocol = report.protocol.name
        name = report.name if report.name.startswith(protocol) else f'{report.name} ({protocol})'
        for figure in report.figures:
            if figure.unit != '%':
                continue
            table.add_row(
                escape(name),
                figure.name,
                f'{figure.value:.2f} %',
                '' if figure.count is None else f'{figure.count}/{report.images}',
                '' if figure.threshold is None else f'{figure.threshold:.3f}',
                figure.source.value if figure.source else '',
            )
            name = ''
        table.add_section()
    console.print(table)

    counted = {report.name: [figure for figure in report.figures if figure.unit == 'images'] for report in reports}
    counted = {name: figures for name, figures in counted.items() if figures}
    if counted:
        table = Table(title='Outcomes of the Top-1 prediction, images', box=SIMPLE_HEAD)
        table.add_column('protocol', overflow='fold')
        for figure in next(iter(counted.values())):
            name = figure.name.removeprefix('outcome_')
            table.add_column(_SHORT.get(name, name), justify='right')
        for name, figures in counted.items():
            table.add_row(escape(name), *(str(int(figure.value)) for figure in figures))
        console.print(table)


def print_choices(choices: Sequence[ThresholdChoice], images: int, console: Console | None = None) -> None:
    """Print chosen thresholds, and what each reaches on the very images of its choice, as a table.

    Args:
        choices: The thresholds.
        images: Number of images on which they were.
        console: Where to; the terminal by default.
    """
    table = Table(title=f'Thresholds chosen on {images} images, for others')
    for column in ('protocol', 'maps', 'IoU', 'threshold', 'oracle GT-known'):
        table.add_column(column, justify='left' if column in ('protocol', 'maps') else 'right')
    for choice in choices:
        levels = choice.protocol.iou_levels
        names = map(str, levels)
        rows = list(zip(names, choice.level_thresholds, choice.level_oracle_accuracies, strict=True))
        if len(levels) > 1:
            rows.insert(0, ('mean', choice.threshold, choice.oracle_accuracy))
        head = (choice.protocol.name, choice.map_name)
        for level, threshold, accuracy in rows:
            table.add_row(*head, level, f'{threshold:.3f}', f'{accuracy:.2f} %')
            head = ('', '')
        table.add_section()
    (console or Console()).print(table)


def write_reports(out_dir: str | os.PathLike, reports: Sequence[MetricReport], origin: Mapping[str, Any]) -> list[Path]:
    """Write results as ``report.json`` and, image by image, ``NAME.csv``.

    Args:
        out_dir: Folder, created if need be.
        reports: The results.
        origin: Where they come from: config, checkpoint, hashes.

    Returns:
        The files.

    Raises:
        ValueError: If two results would be written to the same file.
    """
    out_dir = Path(out_dir)
    names = [report.name for report in reports if report.rows]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ValueError(f'two results with rows are called {doubled[0]!r}: give the metrics different prefixes')
    content = dict(mmtscam=__version__, origin=dict(origin), results=[_as_json(report) for report in reports])
    files = [out_dir / 'report.json']
    write_text(files[0], json.dumps(content, indent=1, allow_nan=False) + '\n')
    for report in reports:
        if report.rows:
            files.append(out_dir / f'{report.name.replace("/", "-")}.csv')
            write_text(files[-1], _as_csv(report.rows))
    return files


def _as_json(report: MetricReport) -> dict[str, Any]:
    content = {name: value for name, value in vars(report).items() if name != 'rows'}
    content['protocol'] = asdict(report.protocol)
    content['figures'] = [dict(key=figure.key, **asdict(figure)) for figure in report.figures]
    return _without_nan(content)


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: what is not defined is null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ROW_KEYS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
