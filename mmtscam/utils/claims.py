"""Claims on a file or folder, so that two runs do not write to it at once."""

import contextlib
import os
import sys
import weakref

if sys.platform != 'win32':
    import fcntl


class Claim:
    """A claim of this process on a file or folder, until it is released or the process ends, whatever ends it.

    Nothing is written for it. Processes that are forked meanwhile share it.
    Where the system or the file system knows no such locks, nobody is refused.

    Args:
        path: The file or folder, which is there.

    Raises:
        BlockingIOError: If another run has claimed it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        if sys.platform == 'win32':
            return
        file = os.open(path, os.O_RDONLY)
        self._release = weakref.finalize(self, _release, file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release()
            raise BlockingIOError(
                f'{path}: another run writes there at this moment: wait for its end, or name another place'
            ) from error
        except OSError:  # some network file systems have none
            return

    def release(self) -> None:
        """Give it up."""
        if sys.platform != 'win32':
            self._release()


def _release(file: int) -> None:
    if sys.platform != 'win32':
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)  # forked processes have it too, and may live on
        os.close(file)
