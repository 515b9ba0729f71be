"""Reads the reports that tests leave: ``report.json`` and the rows of one of its CSV files."""

import os
import os.path as osp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .report_content import read_content
from .report_rows import Row, missing_columns, read_rows

_IOU_CURVE = 'accuracy_over_iou'


@dataclass(frozen=True)
class RunResult:
    """The report of a test, with the rows of one result.

    Args:
        report: Content of ``report.json``.
        chosen: The result in it to which the rows belong; ``None`` in a
            report without rows, such as one of ``MaxBoxAcc`` alone.
        csv_file: The file of the rows; ``None`` likewise.
        rows: One for each image that shows an object, since the others were
            only classified; none likewise.
        classes: Label to name, of the classes that occur.
    """

    report: dict[str, Any]
    chosen: dict[str, Any] | None
    csv_file: Path | None
    rows: list[Row]
    classes: dict[int, str]


def read_result(folder: str | os.PathLike, metric: str | None = None) -> RunResult:
    """Read ``report.json`` and a CSV file.

    Args:
        folder: Where ``tools/test.py`` left them.
        metric: Prefix of the ``LocAccuracy`` whose rows to read; the first
            one by default.

    Returns:
        The result; without rows where no metric of the test leaves any.

    Raises:
        ValueError: If a file is missing, broken or does not fit the other.
    """
    folder = Path(folder)
    report = _read_report(folder / 'report.json')
    files = _row_files(folder, report)
    if not files and metric is None:
        return RunResult(report, None, None, [], {})
    if not any(file.is_file() for _, file in files):
        raise ValueError(
            f'{folder}: no PROTOCOL.csv of a result in report.json; LocAccuracy in test_evaluator leaves one'
        )
    named = [(result, file) for result, file in files if metric in (None, result['name'])]
    if not named:
        there = ', '.join(result['name'] for result, _ in files)
        raise ValueError(f'{folder}: no CSV file of a result called {metric!r}; there are {there}')
    chosen, csv_file = next((pair for pair in named if _has_boxes(*pair)), named[0])
    rows, bare, classes = read_rows(csv_file)
    if len(rows) + bare != chosen['images']:
        raise ValueError(
            f'{csv_file}: {len(rows) + bare} rows, but report.json counts {chosen["images"]} images: '
            'they are not of the same test'
        )
    return RunResult(report, chosen, csv_file, rows, classes)


def read_results(folders: Sequence[str | os.PathLike], metrics: Sequence[str] = ()) -> list[RunResult]:
    """Read several reports, to be compared.

    Args:
        folders: Where ``tools/test.py`` left them.
        metrics: Prefix of the ``LocAccuracy`` whose rows to read, one for all
            or one for each; by default the first that all reports have, or
            the first of each.

    Returns:
        The results.

    Raises:
        ValueError: If there is another number of prefixes, or for the reasons
            of :func:`read_result`.
    """
    if len(metrics) not in (0, 1, len(folders)):
        raise ValueError(f'metrics: {len(metrics)} for {len(folders)} reports: give one for all, or one for each')
    if metrics:
        wanted = metrics if len(metrics) == len(folders) else [*metrics] * len(folders)
        return [read_result(folder, metric) for folder, metric in zip(folders, wanted, strict=True)]
    found = [read_result(folder) for folder in folders]
    prefixes = [_with_rows(folder, one.report) for folder, one in zip(folders, found, strict=True) if one.chosen]
    shared = [prefix for prefix in prefixes[0] if all(prefix in own for own in prefixes)] if prefixes else []
    return [
        read_result(folder, shared[0]) if shared and one.chosen and one.chosen['name'] != shared[0] else one
        for folder, one in zip(folders, found, strict=True)
    ]


def _with_rows(folder: str | os.PathLike, report: Mapping[str, Any]) -> list[str]:
    """Names of the results whose rows a page can show."""
    path = Path(folder)
    path = path if path.is_dir() else path.parent
    return [result['name'] for result, file in _row_files(path, report) if _has_boxes(result, file)]


def _row_files(folder: Path, report: Mapping[str, Any]) -> list[tuple[dict[str, Any], Path]]:
    """The results that have rows, each with its CSV file, which may be gone or damaged."""
    return [(result, folder / result['rows']) for result in report['results'] if result['rows']]


def _has_boxes(result: Mapping[str, Any], file: Path) -> bool:
    """Whether rows are those of ``LocAccuracy``, and not of a metric that leaves others.

    Its curve tells so, whatever has become of the file: a damaged one is refused later, and no other takes its place.
    """
    return _IOU_CURVE in result['curves'] or (file.is_file() and not missing_columns(file))


def run_names(reports: Sequence[str | os.PathLike]) -> list[str]:
    """The shortest ends of the folders' paths that tell reports apart.

    Examples:
        >>> run_names(['work_dirs/a/report', 'work_dirs/b/report/report.json'])
        ['a/report', 'b/report']
    """
    folders = [Path(report).absolute() for report in reports]
    folders = [folder.parent if folder.suffix == '.json' else folder for folder in folders]
    for parts in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = [osp.join(*folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            break
    return names


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
    curves = {
        result['name']: result['curves'][_IOU_CURVE]
        for result in _read_report(file)['results']
        if result['curves'].get(_IOU_CURVE)
    }
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
        hint = f'there is one in {others[-1]}' if others else 'tools/test.py leaves one'
        raise ValueError(f'{file}: not found; {hint}')
    return read_content(file)
