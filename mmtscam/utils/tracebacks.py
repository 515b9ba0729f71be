"""The places through which an error has come."""

from types import TracebackType


def traces(error: BaseException) -> list[TracebackType]:
    """The places, from where the error was caught to where it was raised; none for one that was never raised."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found
