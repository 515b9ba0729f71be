"""Reads what a test left: ``report.json`` and the rows of one of its CSV files."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmtscam.evaluation.report import ROW_KEYS
from mmtscam.localization import Outcome

_IOU_CURVE = 'accuracy_over_iou'
_OF_A_RESULT = ('name', 'metric', 'protocol', 'map_name', 'images', 'figures', 'curves')
_OF_A_FIGURE = ('key', 'name', 'value', 'unit', 'count', 'threshold', 'source')


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
        source: How that was chosen.
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


@dataclass(frozen=True)
class RunResult:
    """What a test left.

    Args:
        report: Content of ``report.json``.
        chosen: The result in it to which the rows belong.
        csv_file: The file of the rows.
        rows: One an image.
        classes: Label to name, of the classes that occur.
    """

    report: dict[str, Any]
    chosen: dict[str, Any]
    csv_file: Path
    rows: list[Row]
    classes: dict[int, str]


def read_result(folder: str | os.PathLike, metric: str | None = None) -> RunResult:
    """Read ``report.json`` and a CSV file.

    Args:
        folder: Where ``tools/test.py`` left them.
        metric: Prefix of the ``LocAccuracy`` whose rows to read; the first
            that has rows by default.

    Returns:
        The result.

    Raises:
        ValueError: If a file is missing, broken or does not fit the other.
    """
    folder = Path(folder)
    report = _read_report(folder / 'report.json')
    files = {result['name']: folder / f'{result["name"].replace("/", "-")}.csv' for result in report['results']}
    files = {name: file for name, file in files.items() if file.is_file()}
    if not files:
        raise ValueError(
            f'{folder}: no PROTOCOL.csv of a result in report.json; LocAccuracy in test_evaluator leaves one'
        )
    if metric is not None and metric not in files:
        raise ValueError(f'{folder}: no CSV file of a result called {metric!r}; there are {", ".join(files)}')
    name = metric or next(iter(files))
    # LocAccuracy alone leaves rows; another metric may have its prefix.
    chosen = next(
        result for result in sorted(report['results'], key=lambda result: result['metric'] != 'LocAccuracy')
        if result['name'] == name
    )  # fmt: skip
    rows, classes = _read_rows(files[name])
    if len(rows) != chosen['images']:
        raise ValueError(
            f'{files[name]}: {len(rows)} rows, but report.json counts {chosen["images"]} images: '
            'they are not of the same test'
        )
    return RunResult(report, chosen, files[name], rows, classes)


def load_iou_curves(path: str | os.PathLike, results: Sequence[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Read the curves of a report.

    Args:
        path: ``report.json`` of ``tools/test.py``, or its folder.
        results: Names of results in it; the first with a curve by default.

    Returns:
        Name of a result to its curve: columns ``iou``, ``gt_known`` and,
        where classes were scored, ``loc_top1``, ...

    Raises:
        ValueError: If there is no such file, it is no report or has no such curve.
    """
    path = Path(path)
    folder = path if path.is_dir() or path.suffix != '.json' else path.parent
    file = path if folder != path else folder / 'report.json'
    curves = {result['name']: result['curves'].get(_IOU_CURVE) for result in _read_report(file)['results']}
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        raise ValueError(f'{file}: has no accuracy over IoU levels: add LocAccuracy to test_evaluator')
    wanted = list(results or list(curves)[:1])
    if missing := [name for name in wanted if name not in curves]:
        raise ValueError(f'{file}: has no curve of {missing[0]!r}: choose from {", ".join(curves)}')
    for name in wanted:
        lengths = {len(column) for column in curves[name].values()}
        if 'iou' not in curves[name] or len(lengths) != 1:
            raise ValueError(f'{file}: the curve of {name!r} is not one of equally long columns with iou')
    return {name: curves[name] for name in wanted}


def _read_report(file: Path) -> dict[str, Any]:
    if not file.is_file():
        folder = file.parent
        others = sorted(path.parent for path in folder.glob('*/report.json')) if folder.is_dir() else []
        hint = f'there is one in {others[-1]}' if others else 'tools/test.py --report-dir DIR leaves one'
        raise ValueError(f'{file}: not found; {hint}')
    try:
        report = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file}: not JSON, or cut off: {error}') from error
    if not isinstance(report, dict) or not isinstance(report.get('results'), list) or not report['results']:
        raise ValueError(f"{file}: no 'results' in it: not a report of tools/test.py")
    for number, result in enumerate(report['results']):
        _demand(result, _OF_A_RESULT, f'{file}: result {number}')
        for figure in result['figures']:
            _demand(figure, _OF_A_FIGURE, f'{file}: a figure of {result["name"]}')
    return report


def _demand(value: Any, keys: tuple[str, ...], what: str) -> None:
    missing = [key for key in keys if not isinstance(value, Mapping) or key not in value]
    if missing:
        raise ValueError(f'{what} has no {missing[0]!r}: not a report of tools/test.py of this version')


def _read_rows(file: Path) -> tuple[list[Row], dict[int, str]]:
    rows: list[Row] = []
    classes: dict[int, str] = {}
    with file.open(newline='', encoding='utf-8') as stream:
        reader = csv.DictReader(stream)
        if missing := [key for key in ROW_KEYS if key not in (reader.fieldnames or ())]:
            raise ValueError(f'{file}: no column {missing[0]!r}; tools/test.py writes the file anew')
        for raw in reader:
            try:
                row = _row(raw)
            except (TypeError, ValueError) as error:
                raise ValueError(f'{file}, line {reader.line_num}: {error}') from error
            rows.append(row)
            classes[row.true] = raw['true_class'] or f'class {row.true}'
            if row.predicted is not None:
                classes[row.predicted] = raw['predicted_class'] or f'class {row.predicted}'
    return rows, classes


def _row(raw: Mapping[str, Any]) -> Row:
    if cut := [key for key in ROW_KEYS if raw[key] is None]:
        raise ValueError(f'nothing in column {cut[0]!r}: the line is cut off')
    x1, y1, x2, y2 = (_number(raw, key) for key in ('x1', 'y1', 'x2', 'y2'))
    return Row(
        path=raw['img_path'],
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
        return float(raw[key])
    except ValueError:
        raise ValueError(f'{key} is no number: {raw[key]!r}') from None
