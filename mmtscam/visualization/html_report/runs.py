"""The tests that a page shows, and the images that they share."""

import os.path as osp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmtscam.evaluation.report_reader import RunResult
from mmtscam.evaluation.report_rows import Row
from mmtscam.evaluation.stored_maps import MapFile


@dataclass(frozen=True)
class Run:
    """A test, as a page shows it.

    Args:
        name: Name of the method; tests of one name are seeds of it.
        result: Its result.
        maps: Its maps, with true boxes and sizes.
    """

    name: str
    result: RunResult
    maps: MapFile | None = None


def titles_of(runs: Sequence[Run]) -> list[str]:
    """A title for each run: its name, with a number where several have the same."""
    names = [run.name for run in runs]
    return [
        f'{name} #{names[: place + 1].count(name)}' if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def shared_rows(runs: Sequence[Run]) -> list[list[Row]]:
    """Rows of the images that all runs have.

    Images have the same path, or the same within the data set's folder if a
    test ran elsewhere.

    Args:
        runs: Runs with rows.

    Returns:
        For each run its rows, in the order of the first run's.

    Raises:
        ValueError: If there is no such image, or one has two labels.
    """
    if len(runs) == 1:  # an image may be there twice, with another label or in another set
        return [list(runs[0].result.rows)]
    tables = [{row.path: row for row in run.result.rows} for run in runs]
    if not set.intersection(*map(set, tables)):
        tables = [{path[len(common_folder(list(table))) :]: row for path, row in table.items()} for table in tables]
    shared = [path for path in tables[0] if all(path in table for table in tables)]
    if not shared:
        raise ValueError(
            f'{" and ".join(titles_of(runs))} have no image in common: compare tests on the same images; '
            f'the first are {" and ".join(run.result.rows[0].path for run in runs)}'
        )
    for path in shared:
        for run, table in zip(runs, tables, strict=True):
            if table[path].true != tables[0][path].true:
                raise ValueError(
                    f'{run.result.csv_file}: {path} has label {table[path].true}, but {tables[0][path].true} in '
                    f'{runs[0].result.csv_file}: compare tests with the same order of classes'
                )
    return [[table[path] for path in shared] for table in tables]


def doubts(runs: Sequence[Run]) -> list[str]:
    """Reasons why numbers should not be compared, a sentence each."""
    titles = titles_of(runs)
    # Results that stand together on the page: those with the rows, and others of one name.
    groups: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {}
    for title, run in zip(titles, runs, strict=True):
        for result in run.result.report['results']:
            key = 'rows' if result is run.result.chosen else (result['name'], result['metric'])
            groups.setdefault(key, []).append((title, result))
    found = []
    for title, run in zip(titles[1:], runs[1:], strict=True):
        turned = [(each.result.report.get('origin') or {}).get('upright') for each in (runs[0], run)]
        if turned[0] != turned[1] and None not in turned:
            found.append(f'{titles[0]} and {title} differ in whether photographs are turned upright: boxes lie apart.')
    for group in groups.values():
        (first, own), others = group[0], group[1:]
        for title, other in others:
            names = own['name'] if own['name'] == other['name'] else f'{own["name"]} and {other["name"]}'
            keys = sorted({*own['protocol'], *other['protocol']} - {'threshold', 'name'})
            if differing := [key for key in keys if own['protocol'].get(key) != other['protocol'].get(key)]:
                found.append(f'{names}: {first} and {title} differ in their protocols, in {", ".join(differing)}.')
            for key, what in (('images', 'images'), ('with_object', 'images with a true box')):
                if own.get(key) != other.get(key) and None not in (own.get(key), other.get(key)):
                    found.append(f'{names}: {first} has {own[key]} {what}, {title} has {other[key]}.')
    return list(dict.fromkeys(found))


def common_folder(paths: Sequence[str]) -> str:
    """The longest common beginning of all paths, up to a slash."""
    shared = osp.commonprefix(paths)  # noqa: RUF071 - it is cut at a slash
    return shared[: shared.rfind('/') + 1]
