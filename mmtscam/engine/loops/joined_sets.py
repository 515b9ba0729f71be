"""Names of the data sets that are joined in one."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import ConcatDataset


def set_finder(dataset: Any) -> Callable[[int], str | None]:
    """Tell the set of an image by its number in a joined data set.

    Args:
        dataset: The evaluated data set. One that is a ``ConcatDataset`` joins
            several, each called by its ``name`` or, without one, ``set 1``
            and so on.

    Returns:
        A function from the number of an image, from 0, to the name of its
        set; to ``None`` where nothing is joined.

    Raises:
        ValueError: If two sets have the same name.
    """
    if not isinstance(dataset, ConcatDataset) or len(dataset.datasets) < 2:
        return lambda number: None
    names = [_own_name(each) or f'set {place}' for place, each in enumerate(dataset.datasets, start=1)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f'two of the joined data sets are called {twice[0]!r}: give each its own name (WSOLDataset)')
    return lambda number: _at(names, dataset.cumulative_sizes, number)


def _own_name(dataset: Any) -> str | None:
    """The name of a set, also where a wrapper such as ``RepeatDataset`` is around it."""
    while dataset is not None and getattr(dataset, 'name', None) is None:
        dataset = getattr(dataset, 'dataset', None)
    return getattr(dataset, 'name', None)


def _at(names: Sequence[str], ends: Sequence[int], number: int) -> str:
    return names[bisect_right(ends, number)]
