"""Writing files whole or not at all, and hashing them."""

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_writable(path: str | os.PathLike, is_folder: bool = False) -> None:
    """Refuse a result that could not be written, before the work that leads to it.

    The folder of the result, or the lowest above it that is there, must take a file. None is left there.

    Args:
        path: The file, or the folder of several.
        is_folder: Whether it is a folder.

    Raises:
        ValueError: If a folder is where a file is to be, or the other way round.
        OSError: If the system refuses: the disk is read-only or full, or it
            is not allowed.
    """
    place = Path(path).absolute()
    if not is_folder:
        if place.is_dir():
            raise ValueError(f'{path}: is a folder; name a file to write')
        place = place.parent
    place = next(each for each in (place, *place.parents) if os.path.lexists(each))
    if not place.is_dir():
        raise ValueError(f'{place}: is a file; name a folder for the results')
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise OSError(f'{path}: cannot be written ({error.strerror}): name another place') from error


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
    temporary = _beside(path)
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def unfinished_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary folder beside another, and rename it at the end.

    Args:
        path: The folder, which is replaced if it is there; the one above it
            is created.

    Yields:
        The temporary folder, to be filled by the caller. If the caller fails,
        it is removed with all that is in it, and the folder stays as it was.
    """
    path = Path(path).resolve()  # '.' has no name
    temporary = _beside(path)
    old = temporary.with_suffix('.old')
    for place in (temporary, old):  # of a process that was killed and had the same number, as in containers
        shutil.rmtree(place, ignore_errors=True)
    temporary.mkdir()
    try:
        with naming(path):
            yield temporary
            if path.exists():
                path.rename(old)
            try:
                temporary.rename(path)
            except OSError:
                if old.exists():
                    old.rename(path)
                raise
    finally:
        for place in (temporary, old):
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Let an error of the system that names no file, as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def _beside(path: Path) -> Path:
    """A temporary name in the folder of a path, which is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of a file may have at most 255 bytes.
    return path.with_name(f'.{path.name[:40]}.{os.getpid()}.{threading.get_ident()}.unfinished')


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; bytes of a file's name that are no text are escaped."""
    with unfinished(path) as temporary:
        temporary.write_text(text, encoding='utf-8', errors='backslashreplace')


def file_sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
