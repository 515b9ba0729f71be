"""Checks of arguments that a user may give as another type."""

import math
import os
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, Python's or NumPy's; ``True`` and ``False`` are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, Python's or NumPy's; ``True`` and ``False`` are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        least: The lowest value that is allowed.

    Raises:
        ValueError: If it is one of these.
    """
    if not is_whole(value):
        raise ValueError(f'{name} must be a whole number, got {value!r}')
    if value < least:
        raise ValueError(f'{name} must be at least {least}, got {value}')


def check_number(name: str, value: Any) -> None:
    """Refuse what is no finite number.

    Args:
        name: Name of the argument, for the message.
        value: Its value.

    Raises:
        ValueError: If it is none.
    """
    if not is_number(value):
        raise ValueError(f'{name} must be a number, got {value!r}')


def check_path(name: str, value: Any) -> None:
    """Refuse what is no path.

    Args:
        name: Name of the argument, for the message.
        value: Its value.

    Raises:
        ValueError: If it is no text and no path of ``pathlib``.
    """
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f'{name} must be a path, got {value!r}')


def as_list(value: Any) -> list[Any]:
    """A list of several values, or of one, which is a text or no collection."""
    return [value] if isinstance(value, str | bytes) or not isinstance(value, Iterable) else list(value)
