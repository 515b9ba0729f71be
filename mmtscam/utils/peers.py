"""The processes of a distributed run end together: where one fails, the others end too, and its message stands alone.

PyTorch lets a process wait for one that has failed, for half an hour or until it has done its own share, and then end
with a traceback. Launchers such as ``torchrun`` and ``srun`` end the others of their own machine themselves.
"""

import atexit
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

# Seconds for which a launcher can end a process whose peer has failed, without a further line.
_LAUNCHERS_TIME = 5
# Seconds in which the failure of another process is heard of, which may be the cause of an error here. The main process
# waits for less, since others may have its error at second hand.
_HEARING_MAIN, _HEARING = 2, 4
# Seconds for which a process that has failed waits for the others.
_PATIENCE = 10
_DONE = -1
_KEY = 'mmtscam/failed'

_promised = False
_ring: '_Ring | None' = None


def promise_to_tell() -> None:
    """Promise that this process calls :func:`fail` where it fails: :func:`mmtscam.utils.cli.run` does."""
    global _promised
    _promised = True


def watch_peers() -> None:
    """Let this process end if another of the run fails or is killed, and let the others know how this one ends.

    All processes call it, after they have joined the process group. It does
    nothing the second time, in a run of one process, and in a script that has
    not promised to tell: at its exit a process waits for its neighbour, which
    may wait for this one if it is not told that it has failed.
    """
    global _ring
    from mmengine.dist import get_world_size

    if _promised and _ring is None and get_world_size() > 1:
        _ring = _Ring()
        atexit.register(_ring.leave)  # when the message or traceback is printed


def fail(message: str | None) -> str:
    """Take note that this process fails; the others end once it exits.

    If another has failed before, this process ends here, quietly: its error
    may be a consequence, or the same one.

    Args:
        message: The message for the user; ``None`` for an error that keeps
            its traceback, and which may come from an exchange with a process
            that has ended.

    Returns:
        The message, with this process's rank if there are several.
    """
    if _ring is None:
        return message or ''
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # torchrun passes an interruption on, and so it comes twice
    if message is None:
        _ring.listen(_HEARING if _ring.rank else _HEARING_MAIN)
    if not _ring.is_first_to_fail():
        _ring.listen(_PATIENCE)
        raise SystemExit(1)
    if message is None:
        return ''
    named = f'rank {_ring.rank}: {message}'
    _tell_torchrun(named)
    return named


def _tell_torchrun(message: str) -> None:
    """Let the table with which ``torchrun`` ends hold the message."""
    if file := os.environ.get('TORCHELASTIC_ERROR_FILE'):
        with suppress(OSError), open(file, 'w', encoding='utf-8') as opened:  # noqa: PTH123
            json.dump(dict(message=dict(message=message, extraInfo=dict(timestamp=int(time.time())))), opened)


class _Ring:
    """Each process listens to the next one, which says at its end who failed; if it says nothing, it was killed."""

    def __init__(self) -> None:
        import torch
        import torch.distributed as torch_dist

        self.rank, size = torch_dist.get_rank(), torch_dist.get_world_size()
        self._next, self._previous = (self.rank + 1) % size, (self.rank - 1) % size
        self._group = torch_dist.new_group(backend='gloo', timeout=timedelta(days=365))
        torch_dist.barrier(self._group)  # none may fail while others are still joining
        self._failed = self._left = False
        self._heard = torch.tensor(_DONE)
        self._hears_of_failure = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def listen(self, seconds: float) -> None:
        """Wait for the failure of another process, which ends this one."""
        if self._hears_of_failure.wait(seconds):
            self._thread.join()

    def is_first_to_fail(self) -> bool:
        """Whether no other process has failed so far; this one has then."""
        from torch.distributed.distributed_c10d import _get_default_store

        self._failed = True
        own = str(self.rank)
        try:
            return _get_default_store().compare_set(_KEY, '', own).decode() == own
        except RuntimeError:  # the process that has the store is gone
            return True

    def leave(self) -> None:
        """Tell how this process ends, and wait until the next one has told."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left here to interrupt
        self._left = True
        self._tell(self.rank if self._failed else _DONE)
        # A thread that waits in PyTorch would disturb the end of the interpreter.
        self._thread.join(_PATIENCE if self._failed else None)

    def _tell(self, failed: int) -> None:
        import torch
        import torch.distributed as torch_dist

        with suppress(RuntimeError):  # it has ended
            torch_dist.send(torch.tensor(failed), self._previous, group=self._group)

    def _listen(self) -> None:
        import torch.distributed as torch_dist

        try:
            torch_dist.recv(self._heard, self._next, group=self._group)
            failed = int(self._heard)
        except RuntimeError:
            failed = self._next
        if failed != _DONE and not self._left:
            self._end(failed)

    def _end(self, failed: int) -> NoReturn:
        self._hears_of_failure.set()
        self._tell(failed)
        time.sleep(_LAUNCHERS_TIME)
        print(f'rank {self.rank} ends, since rank {failed} has failed or was stopped', file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(1)
