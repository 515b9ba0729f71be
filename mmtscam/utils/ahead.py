"""Work that is started before its results are wanted."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar('T')


def ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """Give each item once so many further ones have been taken.

    Where taking an item starts work, as a future or a batch on a GPU does,
    that much work is under way while the result of one is waited for, and no
    more: the items may be many and large.

    Args:
        items: The items; they are taken one by one.
        count: How many are taken beyond the one that is given; 0: none.

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
