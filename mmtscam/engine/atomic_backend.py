"""A file backend that writes files whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmtscam.utils.files import naming


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """mmengine's local backend, writing to a temporary file that is then renamed.

    mmengine writes a checkpoint in place, and writes the last one a second
    time when it turns out to be the best. A kill in between would leave a
    truncated file as the one to resume from.
    """

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write bytes to a file.

        Args:
            obj: The bytes.
            filepath: The file; an existing one is replaced at once.
        """
        with _whole(filepath) as unfinished:
            super().put(obj, unfinished)

    def put_text(self, obj: str, filepath: str | os.PathLike, encoding: str = 'utf-8') -> None:
        """Write text to a file.

        Args:
            obj: The text.
            filepath: The file; an existing one is replaced at once.
            encoding: Its encoding.
        """
        with _whole(filepath) as unfinished:
            super().put_text(obj, unfinished, encoding)


@contextmanager
def _whole(path: str | os.PathLike) -> Iterator[str]:
    """Give a name beside a file, and rename it in the end.

    The name is always the same: what is left of a large checkpoint by a
    process that was killed makes room for the next.
    """
    unfinished = f'{path}.unfinished'
    try:
        with naming(path):
            yield unfinished
            os.replace(unfinished, path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
