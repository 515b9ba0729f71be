"""Writing files whole or not at all, and hashing them."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unfinished(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside a file, and rename it to the file at the end.

    Args:
        path: The file; its folder is created.

    Yields:
        The temporary path, to be written by the caller. If the caller fails,
        the temporary file is removed and the file stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of a file may have at most 255 bytes.
    temporary = path.with_name(f'.{path.name[:40]}.{os.getpid()}.{threading.get_ident()}.unfinished')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, whole or not at all."""
    with unfinished(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def file_sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
