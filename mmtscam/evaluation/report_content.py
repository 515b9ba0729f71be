"""The content of ``report.json``, checked before anything is shown or compared."""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from mmtscam.utils.json_files import read_json
from mmtscam.utils.printable import shown

from .thresholds import ThresholdSource


def read_content(file: str | os.PathLike) -> dict[str, Any]:
    """Read a ``report.json``.

    Args:
        file: The file, which exists.

    Returns:
        Its content, whose parts have the types that
        :func:`~mmtscam.evaluation.write_report` writes.

    Raises:
        ValueError: If it is no report; names the part.
    """
    try:
        report = read_json(file)
    except ValueError as error:
        raise ValueError(f'{file}: not JSON, or cut off: {error}') from error
    if not isinstance(report, dict) or not isinstance(report.get('results'), list) or not report['results']:
        raise ValueError(f"{file}: no 'results' in it: not a report of tools/test.py")
    if not _is_plain(report):
        raise ValueError(f'{file}: has numbers that are not finite, or is nested too deeply')
    _check({'origin': None, 'mmtscam': None, **report}, _REPORT, f'{file}: it')
    for index, result in enumerate(report['results']):
        _check(result, _RESULT, f'{file}: result {index}')
        for number in result['numbers']:
            _check(number, _NUMBER, f'{file}: a number of {result["name"]}')
        for name, columns in result['curves'].items():
            if not isinstance(columns, dict) or not all(map(_is_column, columns.values())):
                raise ValueError(f'{file}: the curve {name!r} of {result["name"]!r} is not one of columns of numbers')
            if len({len(column) for column in columns.values()}) != 1:
                raise ValueError(f'{file}: the curve {name!r} of {result["name"]!r} is not one of equally long columns')
    return report


def _check(value: Any, fields: Mapping[str, Callable[[Any], bool]], what: str) -> None:
    """Refuse a part that lacks a field, or has one of another type."""
    for key, fits in fields.items():
        if not isinstance(value, dict) or key not in value:
            raise ValueError(f'{what} has no {key!r}: not a report of tools/test.py of this version')
        if not fits(value[key]):
            raise ValueError(f'{what} has {shown(value[key])} for {key!r}: not a report of tools/test.py')


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1 << 53


def _is_column(value: Any) -> bool:
    return isinstance(value, list) and all(each is None or _is_number(each) for each in value)


def _is_protocol(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get('name'), str):
        return False
    levels = value.get('iou_levels')
    return isinstance(levels, list) and bool(levels) and all(map(_is_number, levels))


def _is_origin(value: Any) -> bool:
    return isinstance(value, dict) and value.get('upright') in (None, True, False)


def _is_plain(value: Any, depth: int = 20) -> bool:
    """Whether a value has no number that JSON does not know, and few levels."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(each, depth - 1) for each in inner)
    return not isinstance(value, float) or math.isfinite(value)


def _is_file_name(value: Any) -> bool:
    """Whether a value names a file of the report's own folder."""
    return isinstance(value, str) and value == os.path.basename(value) and value not in ('', '.', '..')


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_REPORT = dict(origin=_or_none(_is_origin), mmtscam=_or_none(_is_text))
_RESULT = dict(
    name=_is_text,
    metric=_is_text,
    protocol=_is_protocol,
    map_kind=_is_text,
    images=_is_count,
    numbers=lambda value: isinstance(value, list),
    curves=lambda value: isinstance(value, dict),
    rows=_or_none(_is_file_name),
)
_NUMBER = dict(
    key=_is_text,
    name=_is_text,
    value=_or_none(_is_number),
    unit=_is_text,
    count=_or_none(_is_count),
    threshold=_or_none(_is_number),
    source=_or_none(lambda value: value in [source.value for source in ThresholdSource]),
)
