"""Comparisons: many methods and seeds under one set of rules, from a plan to a table."""

import argparse
import csv
import io
import json
import os
import os.path as osp
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

from mmengine.config import Config

from mmtscam.utils.cli import add_cfg_options
from mmtscam.utils.config import read_config
from mmtscam.utils.files import write_text
from mmtscam.utils.json_files import read_json
from mmtscam.utils.printable import as_cell, printable, shown

_KEYS = ('title', 'methods', 'seeds', 'columns')
_METHOD_KEYS = {'name', 'config', 'checkpoint_of', 'start_from', 'protocol', 'options'}


@dataclass(frozen=True)
class Method:
    """A row of a comparison.

    Attributes:
        name: Its name, which no other row has.
        config: Path of its config, in a plan relative to the plan.
        checkpoint_of: Name of the row whose checkpoints are tested; ``None``
            for one that is trained.
        start_from: Full key of a setting, such as ``load_from``, to the name of
            the row whose checkpoint it gets, for training that goes on from
            another row's.
        protocol: The prefix of a metric that stands in the columns for
            ``{protocol}``.
        options: Settings that are changed, by their full keys, as by
            ``--cfg-options``.
    """

    name: str
    config: str
    checkpoint_of: str | None = None
    start_from: Mapping[str, str] = field(default_factory=dict)
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
        """Methods and seeds, a seed at a time, each method after those whose checkpoints it needs."""
        order = sorted(self.methods, key=lambda method: (method.checkpoint_of is not None, bool(method.start_from)))
        for seed in self.seeds:
            yield from ((method, seed) for method in order)

    def trained(self, method: Method) -> Method:
        """The row whose checkpoints a method is tested with."""
        return next(each for each in self.methods if each.name == (method.checkpoint_of or method.name))


def read_plan(file: str | os.PathLike) -> Plan:
    """Read a plan.

    Args:
        file: A Python file with ``title``, ``methods`` (dicts with the
            attributes of :class:`Method`), ``seeds`` and ``columns``.

    Returns:
        The plan, with the paths of configs as they are from here.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lacks something, a row or column has something
            unknown, a seed is there twice, or two rows have one name or
            folder.
    """
    content: Config = read_config(file)
    if missing := [key for key in _KEYS if key not in content]:
        raise ValueError(f'{file}: {missing[0]!r} is missing; a plan has {", ".join(_KEYS)}')
    seeds, columns = content.seeds, content.columns
    for key, kind, what in (
        ('title', str, 'a text'),
        ('columns', dict, 'a dict'),
        ('methods', (list, tuple), 'a list'),
    ):
        if not isinstance(content[key], kind):
            raise ValueError(f'{file}: {key} must be {what}, got {shown(content[key])}')
    if not isinstance(seeds, list | tuple) or not seeds or not all(isinstance(seed, int) for seed in seeds):
        raise ValueError(f'{file}: seeds must be whole numbers, one at least, got {seeds}')
    if doubled := [seed for seed in seeds if seeds.count(seed) > 1]:
        raise ValueError(f'{file}: seeds: {doubled[0]} is there twice, and one run would count as two: name it once')
    for heading, key in columns.items():
        if not (isinstance(heading, str) and re.fullmatch(r'(\{protocol\}|[^{}]+)/[^{}]+', str(key))):
            raise ValueError(f'{file}: columns: {heading!r}: must be a heading and PREFIX/KEY, got {key!r}')
    methods = []
    for place, entry in enumerate(content.methods):
        row = f'{file}: methods[{place}]'
        if not isinstance(entry, dict):
            raise ValueError(f'{row}: must be a dict, got {shown(entry)}')
        if unknown := sorted(set(entry) - _METHOD_KEYS):
            raise ValueError(f'{row}: {unknown[0]!r} is none of {", ".join(sorted(_METHOD_KEYS))}')
        if lacking := sorted({'name', 'config'} - set(entry)):
            raise ValueError(f'{row}: {lacking[0]!r} is missing')
        for key in ('name', 'config', 'checkpoint_of', 'protocol'):
            if not isinstance(entry.get(key, ''), str) and (key, entry[key]) != ('checkpoint_of', None):
                raise ValueError(f'{row}: {key} must be a text, got {shown(entry[key])}')
        if not isinstance(entry.get('options', {}), dict):
            raise ValueError(f'{row}: options must be a dict, got {shown(entry["options"])}')
        for key, value in entry.get('options', {}).items():
            if isinstance(value, dict) and value:
                raise ValueError(f'{row}: options: name the settings in {key} one by one: {key}.{next(iter(value))}')
            if not _fits_command_line(key, value):
                raise ValueError(f'{row}: options: {key}: --cfg-options cannot hold {value!r}: set it in a config')
        path = osp.normpath(osp.join(osp.dirname(file), entry['config']))
        if not osp.isfile(path):
            raise FileNotFoundError(f'{row}: {path}: config file not found')
        methods.append(Method(**{**entry, 'config': path}))
    folders = [method.folder for method in methods]
    by_name = {method.name: method for method in methods}
    trained = {method.name for method in methods if method.checkpoint_of is None}
    for place, method in enumerate(methods):
        if not method.folder or folders.count(method.folder) > 1:
            raise ValueError(f'{file}: methods[{place}]: {method.name!r} does not differ enough from other names')
        starts = method.start_from
        if not isinstance(starts, dict) or not all(isinstance(each, str) and each for each in chain(*starts.items())):
            raise ValueError(
                f'{file}: methods[{place}]: start_from must be the keys of settings and names of rows, such as '
                f"{{'load_from': 'CAM'}}, got {starts!r}"
            )
        for needed in (method.checkpoint_of, *starts.values()):
            if needed not in {None, *trained}:
                raise ValueError(f'{file}: methods[{place}]: no row {needed!r} is trained')
        if unfit := [name for name in starts.values() if by_name[name].start_from]:
            raise ValueError(f'{file}: methods[{place}]: start_from: {unfit[0]!r} starts from another row itself')
        if method.checkpoint_of and starts:
            raise ValueError(f'{file}: methods[{place}]: a row with checkpoint_of is not trained: leave start_from out')
    return Plan(content.title, tuple(methods), tuple(seeds), dict(columns))


def _fits_command_line(key: str, value: Any) -> bool:
    """Whether the tools that train and test, which are called with ``--cfg-options``, would read the value as it is."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_cfg_options(parser)
    try:
        found = parser.parse_args(['--cfg-options', f'{key}={value}']).cfg_options
    except Exception:  # mmengine's parser asserts that brackets are closed
        return False
    return bool(found[key] == value)


def settings_of(plan: Plan, method: Method, seed: int, cfg_options: Mapping[str, Any]) -> dict[str, Any]:
    """All settings that the numbers of a run depend on.

    Args:
        plan: The plan.
        method: The row.
        seed: The seed.
        cfg_options: Settings that are changed in all rows.

    Returns:
        Plain data for JSON: names to values, of its config and of the one
        that trains it.
    """
    found: dict[str, Any] = dict(seed=seed)
    for part, row in (('test', method), ('train', plan.trained(method))):
        cfg = read_config(row.config, {**row.options, **cfg_options})
        found.update({f'{part}: {key}': str(value) for key, value in _flat(cfg.to_dict())})
    rows = {row.name: row for row in plan.methods}
    for key, name in plan.trained(method).start_from.items():
        cfg = read_config(rows[name].config, {**rows[name].options, **cfg_options})
        found[f'train: {key}'] = f'the checkpoint of {name}'
        found.update({f'train: {key}: {part}': str(value) for part, value in _flat(cfg.to_dict())})
    return found


def _flat(value: Any, prefix: str = '') -> Iterator[tuple[str, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if not items:
        yield prefix.removesuffix('.'), value
        return
    for key, each in items:
        yield from _flat(each, f'{prefix}{key}.')


def check_settings(folder: str | os.PathLike, settings: Mapping[str, Any]) -> None:
    """Remember the settings of a run in its folder, or compare them with those that are remembered.

    Raises:
        ValueError: If the folder belongs to other settings; names the first
            that differs.
    """
    file = Path(folder) / 'settings.json'
    if not file.is_file():
        write_text(file, json.dumps(settings, indent=1) + '\n')
        return
    before = read_json(file)
    if not isinstance(before, dict):
        raise ValueError(f'{file}: holds no settings: remove the folder, or name another with --work-dir')
    for key in sorted({*before, *settings}):
        if before.get(key) != settings.get(key):
            raise ValueError(
                f'{os.fspath(folder)} belongs to other settings ({key} was {_brief(before.get(key))}, now '
                f'{_brief(settings.get(key))}): remove it, or name another folder with --work-dir'
            )


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


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
        if number['value'] is not None
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


def comparison_csv(plan: Plan, found: Mapping[tuple[str, int], Mapping[str, float]]) -> str:
    """Write the numbers of each run, of which :func:`comparison_table` shows the means.

    Args:
        plan: The plan.
        found: See :func:`comparison_table`.

    Returns:
        CSV with the columns method, seed and the plan's; unrounded, empty where
        a report lacks the number.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, ['method', 'seed', *plan.columns], lineterminator='\n')
    writer.writeheader()
    for method in plan.methods:
        for seed in plan.seeds:
            if (method.name, seed) in found:
                writer.writerow({'method': as_cell(method.name), 'seed': seed, **found[method.name, seed]})
    return text.getvalue()


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ''
    shown = f'{mean(values):.1f}'
    return shown if len(values) == 1 else f'{shown} ({min(values):.1f} to {max(values):.1f})'


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(printable(cell).replace("|", "&#124;") for cell in cells)} |'
