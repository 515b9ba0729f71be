"""Measuring several ways in turn, and statistics of the measurements."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar('T')


def in_turn(ways: Sequence[Callable[[], T]], rounds: int) -> list[list[T]]:
    """Measure each way once a round, so that drifts of the machine's speed affect all of them alike.

    Args:
        ways: Functions that each return a measurement.
        rounds: Number of rounds. Every second one is in reverse order, so
            that no way always follows the same other one.

    Returns:
        Measurements of each way, in the order of the rounds.
    """
    measured: list[list[T]] = [[] for _ in ways]
    for turn in range(rounds):
        order = range(len(ways)) if turn % 2 == 0 else reversed(range(len(ways)))
        for index in order:
            measured[index].append(ways[index]())
    return measured


def seconds(function: Callable[[], object]) -> float:
    """Time a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def cpu_seconds(function: Callable[[], object]) -> float:
    """Processor time of a call in this process, which other work on the machine affects less than its time."""
    start = time.process_time()
    function()
    return time.process_time() - start


def spread(values: Sequence[float]) -> dict[str, float]:
    """``min``, ``median`` and ``max``.

    Examples:
        >>> spread([3.0, 1.0, 2.0])
        {'min': 1.0, 'median': 2.0, 'max': 3.0}
    """
    return dict(min=min(values), median=statistics.median(values), max=max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Quotients round by round.

    Examples:
        >>> ratios([4.0, 9.0], [2.0, 3.0])
        [2.0, 3.0]
    """
    return [above / below for above, below in zip(numerators, denominators, strict=True)]
