"""The folder of a run's log."""

import itertools
import os
import time

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
