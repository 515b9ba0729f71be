"""Threads that take turns with an object."""

import threading
from types import TracebackType


class Turns:
    """A lock for an attribute of an object that is copied and pickled; each copy has a lock of its own.

    Examples:
        >>> import copy
        >>> turns = Turns()
        >>> with turns:
        ...     copied = copy.deepcopy(turns)
        >>> with copied:
        ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        """Wait for the thread whose turn it is; one that has it may enter again."""
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the turn."""
        self._lock.release()

    def __reduce__(self) -> tuple[type['Turns'], tuple[()]]:
        """A new lock: one that waits in this process says nothing in another."""
        return Turns, ()
