"""Comparisons: many methods and seeds under one set of rules, from a plan to a table."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from mmengine.config import Config

from mmtscam.utils.config import read_config

_KEYS = ('title', 'methods', 'seeds', 'columns')
_METHOD_KEYS = {'name', 'config', 'checkpoint_of', 'protocol', 'options'}


@dataclass(frozen=True)
class Method:
    """A row of a comparison.

    Attributes:
        name: Its name, which no other row has.
        config: Path of its config.
        checkpoint_of: Name of the row whose checkpoints are tested; ``None``
            for one that is trained.
        protocol: The prefix of a metric that stands in the columns for
            ``{protocol}``.
        options: Settings that are changed, as by ``--cfg-options``.
    """

    name: str
    config: str
    checkpoint_of: str | None = None
    protocol: str = 'tscam'
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Its name as that of a folder."""
        return re.sub(r'\W+', '-', self.name.lower()).strip('-')


@dataclass(frozen=True)
class Plan:
    """Rows, seeds and columns of a comparison.

    Attributes:
        title: The lines above the table.
        methods: The rows.
        seeds: Seeds of the training runs of each.
        columns: Heading to the number, ``PREFIX/KEY`` as ``report.json`` has
            them, of each column.
    """

    title: str
    methods: tuple[Method, ...]
    seeds: tuple[int, ...]
    columns: Mapping[str, str]

    def runs(self) -> Iterator[tuple[Method, int]]:
        """Methods and seeds, a seed at a time, each method after the one whose checkpoints it needs."""
        for seed in self.seeds:
            yield from ((method, seed) for method in self.methods if method.checkpoint_of is None)
            yield from ((method, seed) for method in self.methods if method.checkpoint_of is not None)

    def trained(self, method: Method) -> Method:
        """The row whose checkpoints a method is tested with."""
        return next(each for each in self.methods if each.name == (method.checkpoint_of or method.name))


def read_plan(file: str | os.PathLike) -> Plan:
    """Read a plan.

    Args:
        file: A Python file with ``title``, ``methods`` (dicts with the
            attributes of :class:`Method`), ``seeds`` and ``columns``.

    Returns:
        The plan.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lacks something, a row has something unknown, or two
            rows have one name or folder.
    """
    content: Config = read_config(file)
    if missing := [key for key in _KEYS if key not in content]:
        raise ValueError(f'{file}: {missing[0]!r} is missing; a plan has {", ".join(_KEYS)}')
    methods = []
    for place, entry in enumerate(content.methods):
        row = f'{file}: methods[{place}]'
        if unknown := sorted(set(entry) - _METHOD_KEYS):
            raise ValueError(f'{row}: {unknown[0]!r} is none of {", ".join(sorted(_METHOD_KEYS))}')
        if lacking := sorted({'name', 'config'} - set(entry)):
            raise ValueError(f'{row}: {lacking[0]!r} is missing')
        methods.append(Method(**entry))
    folders = [method.folder for method in methods]
    trained = {method.name for method in methods if method.checkpoint_of is None}
    for place, method in enumerate(methods):
        if not method.folder or folders.count(method.folder) > 1:
            raise ValueError(f'{file}: methods[{place}]: {method.name!r} does not differ enough from other names')
        if method.checkpoint_of not in {None, *trained}:
            raise ValueError(f'{file}: methods[{place}]: no row {method.checkpoint_of!r} is trained')
    return Plan(content.title, tuple(methods), tuple(content.seeds), dict(content.columns))


def numbers_of(report: Mapping[str, Any], columns: Mapping[str, str], method: Method) -> dict[str, float]:
    """Take a row's numbers from a report.

    Args:
        report: Content of ``report.json``.
        columns: See :class:`Plan`.
        method: The row.

    Returns:
        Heading to number; headings whose number the report lacks are left out.
    """
    known = {
        f'{result["name"]}/{number["key"]}': number['value']
        for result in report['results']
        for number in result['numbers']
    }
    wanted = {heading: key.format(protocol=method.protocol) for heading, key in columns.items()}
    return {heading: known[key] for heading, key in wanted.items() if key in known}


def comparison_table(plan: Plan, found: Mapping[tuple[str, int], Mapping[str, float]]) -> str:
    """Write the table: the mean of the seeds of each row, and how far they are apart.

    Args:
        plan: The plan.
        found: Name of a row and seed to the numbers of that run.

    Returns:
        A Markdown table. A cell has the mean and, where there are several
        seeds, the least and the greatest value in brackets.
    """
    lines = [plan.title, '', _line(['', *plan.columns, 'seeds']), _line(['---'] * (len(plan.columns) + 2))]
    for method in plan.methods:
        runs = [found[method.name, seed] for seed in plan.seeds if (method.name, seed) in found]
        cells = [_cell([run[heading] for run in runs if heading in run]) for heading in plan.columns]
        lines.append(_line([method.name, *cells, str(len(runs))]))
    return '\n'.join(lines) + '\n'


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ''
    shown = f'{mean(values):.1f}'
    return shown if len(values) == 1 else f'{shown} ({min(values):.1f} to {max(values):.1f})'


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'
