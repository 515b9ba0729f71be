"""The folder of a run's log, and what stands in it at the end of a test."""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmtscam.utils.json_files import read_json

_FORM = '%Y%m%d_%H%M%S'


def new_folder(parent: str | os.PathLike, stamp: str) -> str:
    """Make a folder that no other run has.

    Args:
        parent: The folder above it, which is there.
        stamp: The second of the start, in mmengine's form.

    Returns:
        Its name: the stamp, or that of the first second after it whose folder
        is not there.
    """
    start = time.mktime(time.strptime(stamp, _FORM))
    for later in itertools.count():
        name = time.strftime(_FORM, time.localtime(start + later))
        try:
            os.mkdir(os.path.join(parent, name))
        except FileExistsError:
            continue
        return name
    raise AssertionError


@contextmanager
def whole_record(folder: str | os.PathLike, stamp: str) -> Iterator[None]:
    """Remove the file of a test's metrics if a full disk has cut it: mmengine's ``LoggerHook`` writes it in place.

    Args:
        folder: The folder of the log.
        stamp: Its name, and that of the file.
    """
    try:
        yield
    except OSError as error:
        file = Path(folder, f'{stamp}.json')
        if file.is_file() and _is_cut(file):
            file.unlink()
            error.filename = error.filename or str(file)
        raise


def _is_cut(file: Path) -> bool:
    try:
        read_json(file)
    except ValueError:
        return True
    return False
