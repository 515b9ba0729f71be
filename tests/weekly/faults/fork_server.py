"""Runs tools in forks of a process that has imported what they need: ``python fork_server.py``.

Each line of stdin is an order, in JSON: ``words`` of the command, ``cwd``,
``place``, ``watched``, ``write``, ``delay``, ``clock`` and ``anew``, whether the
command is to start as a shell starts it, with all imports. Files take what the
run gives:
``place`` with ``.out`` and ``.err``, ``.pid``, ``.code`` at the end,
``.stack`` at each SIGUSR1, and ``.writes``, how often it opened, renamed,
removed or made something in the folder ``watched``. A run with ``write`` dies
``delay`` seconds after it has begun the write of this number. With ``clock``, a
seed, the time jumps back by a day or ahead by a year at every look at it.
"""

import atexit
import faulthandler
import json
import os
import random
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import Any

import cv2  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import mmengine.config.config
import onnx  # noqa: F401
import onnxscript  # noqa: F401

# Not onnxruntime: its threads do not outlive a fork, and it waits for them at the end.
import rich.progress  # noqa: F401
import torch.onnx
import torch.utils.data  # noqa: F401

import mmtscam.apis
import mmtscam.datasets
import mmtscam.deployment
import mmtscam.engine.runner
import mmtscam.pseudo_labels
import mmtscam.visualization.html_report  # noqa: F401

# Laying out the text of a config takes most of the time of a small run, and is not what is tried here.
mmengine.config.config.FormatCode = lambda text, **options: (text, True)
_CHANGES = {'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir', 'os.truncate', 'os.link', 'os.symlink'}


class WriteCounter:
    """An audit hook that counts the changes in a folder, and ends the process at one of them.

    Args:
        folder: The folder.
        last: Number of the change at which to die, from 1; ``None`` to live.
        delay: Seconds from the change to the end: 0 is before it happens.
    """

    def __init__(self, folder: str, last: int | None, delay: float) -> None:
        self.folder, self.last, self.delay = os.path.join(folder, ''), last, delay
        self.count = 0
        self._process = os.getpid()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count an event of :func:`sys.addaudithook`."""
        if os.getpid() != self._process:
            return
        opens = event == 'open' and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (opens or event in _CHANGES) or not isinstance(arguments[0], str | os.PathLike):
            return
        if not os.path.abspath(os.fspath(arguments[0])).startswith(self.folder):
            return
        self.count += 1
        if self.count == self.last:
            if self.delay:
                signal.setitimer(signal.ITIMER_REAL, self.delay)  # its signal ends a process that does not catch it
            else:
                os.kill(os.getpid(), signal.SIGKILL)


def begin(order: dict[str, Any]) -> None:
    """Make this process look like one that a shell has started."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    place = order['place']
    for number, name in enumerate((os.devnull, f'{place}.out', f'{place}.err')):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o644), number)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    os.chdir(order['cwd'])
    if order['anew']:
        os.execvp(order['words'][0], order['words'])
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # at the very end
    faulthandler.register(signal.SIGUSR1, Path(f'{place}.stack').open('w'), all_threads=False)  # noqa: SIM115
    counter = WriteCounter(order['watched'], order['write'], order['delay'])
    sys.addaudithook(counter)
    atexit.register(lambda: Path(f'{place}.writes').write_text(str(counter.count)))
    if order['clock'] is not None:
        draw, now = random.Random(order['clock']), time.time
        time.time = lambda: now() + draw.choice((0, -86400, 365 * 86400))
    sys.argv = order['words']


def watch(order: dict[str, Any]) -> bool:
    """Fork a run, and in the parent note its pid and its end; true in the run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if not pid:
        return True
    place = order['place']
    Path(f'{place}.pid').write_text(str(pid))
    _, status = os.waitpid(pid, 0)
    Path(f'{place}.ended').write_text(str(os.waitstatus_to_exitcode(status)))
    Path(f'{place}.ended').rename(f'{place}.code')
    os._exit(0)


def serve() -> dict[str, Any] | None:
    """Take orders until there are none; a forked run returns its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print('ready', flush=True)
    for line in iter(sys.stdin.readline, ''):
        order = json.loads(line)
        if not os.fork() and watch(order):
            return order
    return None


# In a run this is the end of the whole program, so that the interpreter says and tidies up what it does for a user.
if __name__ == '__main__' and (found := serve()) is not None:
    begin(found)
    runpy.run_path(found['words'][0], run_name='__main__')
