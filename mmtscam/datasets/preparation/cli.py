"""Output of the command-line tools that check data sets: progress, findings and errors."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from .findings import Findings

T = TypeVar('T')


def show_progress(items: Sequence[T], description: str) -> Iterable[T]:
    """Return the items, with a progress bar on a terminal."""
    console = Console(stderr=True)
    return track(items, description, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def naming_source(source: str) -> Iterator[None]:
    """Say where a data set is published if one of its files is missing or malformed.

    Args:
        source: Where it is published.

    Raises:
        ValueError: With the message of the error, and the source.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(f'{error}{_hint(source)}') from error


def conclude(findings: Findings, root: str, source: str | None = None, allow_subset: bool = False) -> None:
    """Print what was found, and end the tool if the data set cannot be used.

    Args:
        findings: Findings of the check.
        root: Root of the data set.
        source: Where the data set is published.
        allow_subset: Whether numbers may differ.

    Raises:
        SystemExit: If there are problems or, without ``allow_subset``,
            numbers differ.
    """
    print(findings.text(), flush=True)
    if findings.problems:
        raise SystemExit(f'{root}: cannot be used as it is{_hint(source)}')
    if not findings.passes(allow_subset):
        raise SystemExit(
            f'{root}: the numbers differ from the published ones (--allow-subset accepts a part){_hint(source)}'
        )
    print(f'{root}: ' + ('a part of the data set, fit for use' if findings.counts_differ else 'complete'))


def _hint(source: str | None) -> str:
    return '' if source is None else f'; official source: {source}'
