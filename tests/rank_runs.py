"""Runs a script in several ranks that nobody but themselves ends, as processes started by hand are.

All ranks are forked from one process that has the modules: most of a small run's time goes into imports.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
TESTS = Path(__file__).resolve().parent
# Those that the tools import.
MODULES = ('mmtscam.apis', 'mmtscam.engine', 'mmtscam.pseudo_labels')

# Each line of the input names a rank's environment, output and words; the child goes on as a process of its own does.
_DRIVER = """
import importlib, json, os, runpy, signal, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
print('ready', flush=True)
for line in sys.stdin:
    task = json.loads(line)
    if task['wait']:
        pid, status = os.waitpid(-1, 0)
        print(json.dumps([pid, os.waitstatus_to_exitcode(status)]), flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what runs in the background
        os.environ.update(task['environment'])
        os.dup2(os.open(task['output'], os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1)
        os.dup2(1, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(task['folder'])
        sys.argv = task['words']
        sys.path[0] = os.path.dirname(sys.argv[0])
        runpy.run_path(sys.argv[0], run_name='__main__')
        break
"""


class Rank(NamedTuple):
    """How a rank ended: process id, exit code (negative for a signal), after how many seconds, and what it printed."""

    pid: int
    code: int
    seconds: float
    printed: str


def environment() -> dict[str, str]:
    """The environment of ranks, which find the modules of the tests."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get('PYTHONPATH')]))
    return {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1', 'COLUMNS': '200'}


def free_port() -> int:
    """A port that nobody has taken so far."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


class RankRuns:
    """Starts ranks; a context manager.

    Args:
        folder: Folder for what ranks print; they run in it.
        modules: Modules that the ranks share.
    """

    def __init__(self, folder: Path, modules: Sequence[str] = MODULES) -> None:
        self.folder = folder
        self._driver = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', _DRIVER, *modules],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._driver.stdout is not None and self._driver.stdout.readline() == 'ready\n'

    def __enter__(self) -> 'RankRuns':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._driver.kill()
        self._driver.communicate()

    def run(
        self,
        script: Path,
        words: Sequence[Any],
        ranks: int,
        limit: float = 60,
        act: Callable[[list[int]], None] = lambda pids: None,
    ) -> list[Rank]:
        """Run a script in a number of ranks until all have ended, or the limit: then those that are left are killed.

        Args:
            script: The script.
            words: Its arguments, the same for all ranks or a list for each.
            ranks: Number of ranks; 1 runs it without a launcher.
            limit: Seconds.
            act: Called with the ranks' process ids, which are those of their
                groups too, once they are started.
        """
        each = words if words and isinstance(words[0], list) else [words] * ranks
        port, start = free_port(), time.monotonic()
        outputs = [self.folder / f'rank{rank}.printed' for rank in range(ranks)]
        pids = []
        for rank, (output, own) in enumerate(zip(outputs, each, strict=True)):
            place = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=ranks, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
            task = dict(
                environment={key: str(value) for key, value in place.items()} if ranks > 1 else {},
                output=str(output),
                folder=str(self.folder),
                words=[str(word) for word in [script, *own]],
            )
            pids.append(self._ask(wait=False, **task))
        act(pids)
        ends: dict[int, tuple[int, float]] = {}
        while len(ends) < ranks:
            left = [pid for pid in pids if pid not in ends]
            pid, code = self._ask(wait=True, limit=start + limit - time.monotonic(), kill=left)
            ends[pid] = code, time.monotonic() - start
        printed = [output.read_text(encoding='utf-8', errors='replace') for output in outputs]
        return [Rank(pid, *ends[pid], text) for pid, text in zip(pids, printed, strict=True)]

    def _ask(self, limit: float | None = None, kill: Sequence[int] = (), **task: Any) -> Any:
        assert self._driver.stdin is not None and self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(task) + '\n')
        self._driver.stdin.flush()
        if limit is not None and not select.select([self._driver.stdout], [], [], max(limit, 0))[0]:
            for pid in kill:
                os.killpg(pid, signal.SIGKILL)
        return json.loads(self._driver.stdout.readline())
