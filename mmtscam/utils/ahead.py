"""Iteration that starts work before its results are wanted."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar('T')


def ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """Give each item after a number of further items have been taken.

    Taking an item may start work, as with a future or a batch on a GPU. That
    many items of work then run while the caller waits for the result of one.
    No more are taken, because the items may be many and large.

    Args:
        items: The items; they are taken one by one.
        count: Number of items taken beyond the one that is given.

    Yields:
        The items, in their order.

    Examples:
        >>> started = (print('start', item) or item for item in 'abc')
        >>> for item in ahead(started, 1):
        ...     print('use', item)
        start a
        start b
        use a
        start c
        use b
        use c
    """
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
