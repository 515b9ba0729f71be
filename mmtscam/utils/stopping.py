"""Stopping a tool when it is told to, wherever it is."""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_STOPS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = 0.01  # seconds


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Turn Ctrl-C and SIGTERM into ``KeyboardInterrupt``, so that what is unfinished is tidied up.

    Processes that are forked hear no Ctrl-C, which a terminal sends to them
    too: they are ended by this one. Python drops an exception that is raised
    in some places, as where a process is forked or an object removed, with a
    traceback. Here it is raised once more a moment later. A SIGTERM after the
    first signal is not heard, for it would disturb what tidies up. Neither is
    any at the end of the process, where it would give a traceback. SIGINT
    stays ignored where it is, as in jobs that a shell runs in the background.

    Yields:
        The signals that have come, in their order.
    """
    received: list[int] = []
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        if number in _STOPS:
            received.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    def dropped(unraisable: Any) -> None:
        if received and isinstance(unraisable.exc_value, KeyboardInterrupt):
            _raise_again(stop)
        elif not received:
            hook(unraisable)

    before = {number: signal.getsignal(number) for number in _STOPS}
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield received
    finally:
        # Half-made objects, as of a loader that was stopped while it began, may go only as the process ends.
        sys.unraisablehook = _say_nothing if received else hook
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        atexit.unregister(_hear_no_more)
        atexit.register(_hear_no_more)


def _raise_again(stop: Callable[[int, FrameType | None], None]) -> None:
    if sys.platform != 'win32':
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)


def _say_nothing(unraisable: Any) -> None:
    pass


def _hear_no_more() -> None:
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
