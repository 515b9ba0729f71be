"""Starting a tool, putting a fault upon it and waiting for its end."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
LIMIT = 60  # seconds from a fault to the end of all processes
_ENVIRONMENT = {'COLUMNS': '400', 'OMP_NUM_THREADS': '1'}
_FRAME = re.compile(r'File "\S*?(mmtscam|mmengine|tools|torch|onnxscript)/(\S+?)(?:\.py)?", line \d+ in (\S+)')


class Run:
    """A tool that runs in a session of its own.

    Args:
        place: Path without an ending of the files that take what it gives.

    Attributes:
        hung: Whether it had to be killed, or left processes behind.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.start = time.monotonic()
        self.hung = False
        while not (text := self._read('pid')):
            time.sleep(0.001)
        self.pid = int(text)

    def _read(self, ending: str) -> str:
        file = self.place.with_suffix(f'.{ending}')
        return file.read_text(errors='replace') if file.exists() else ''

    @property
    def code(self) -> int | None:
        """Exit code; that of a signal is negative; ``None`` while it runs."""
        text = self._read('code')
        return int(text) if text else None

    @property
    def out(self) -> str:
        """Its standard output."""
        return self._read('out')

    @property
    def err(self) -> str:
        """Its standard error, without the bars that show progress."""
        lines = self._read('err').splitlines()
        return '\n'.join(line for line in lines if line.strip() and not line.startswith(('Drawing', 'Labelling')))

    @property
    def writes(self) -> int:
        """Number of its changes in its output folder."""
        return int(self._read('writes'))

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.start

    def wait(self, limit: float = 10 * LIMIT) -> int:
        """Wait for its end and that of all processes of its session; kill them after a time."""
        end = time.monotonic() + limit
        while (self.code is None or self.members()) and time.monotonic() < end:
            time.sleep(0.005)
        if self.code is None or self.members():
            self.hung = True
            for pid in self.members():
                _send(pid, signal.SIGKILL)
            while self.code is None:
                time.sleep(0.005)
        self.seconds = time.monotonic() - self.start
        return self.code or 0

    def members(self) -> list[int]:
        """The living processes of its session."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc'))) if _session(pid) == self.pid]

    def sleep_until(self, moment: float) -> None:
        """Wait until so many seconds after the start, or the end."""
        while time.monotonic() < self.start + moment and self.code is None:
            time.sleep(0.0005)

    def signal(self, number: int, everyone: bool = False) -> bool:
        """Send a signal to the first process, or to all of the session, as a terminal does.

        Returns:
            Whether it still ran.
        """
        if self.code is not None:
            return False
        for pid in self.members() if everyone else [self.pid]:
            _send(pid, number)
        return True

    def kill(self, pid: int) -> bool:
        """Kill one of its processes; whether this one still ran."""
        _send(pid, signal.SIGKILL)
        return self.code is None

    def where(self) -> str:
        """The innermost function of the project, or else of its libraries, that it is in at this moment."""
        if self.code is not None:
            return ''
        before = len(self._read('stack'))
        _send(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 0.1
        while not (text := self._read('stack')[before:]).endswith('\n') and time.monotonic() < end:
            time.sleep(0.0002)
        frames = [(kind, f'{kind}/{file} {name}') for kind, file, name in _FRAME.findall(text)]
        own = [text for kind, text in frames if kind in ('mmtscam', 'tools')]
        return (own or [text for _, text in frames] or ['elsewhere'])[0]


class Server:
    """Starts tools in forks of a process that has imported what they need.

    Args:
        folder: Takes the files of the runs.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', Path(__file__).with_name('fork_server.py')],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
            text=True,
        )
        assert self._process.stdout and self._process.stdout.readline() == 'ready\n'

    def start(
        self,
        words: Sequence[object],
        watched: Path,
        write: int | None = None,
        delay: float = 0,
        cwd: Path = REPO,
        clock: int | None = None,
        anew: bool = False,
    ) -> Run:
        """Start a command; see ``fork_server`` for the arguments."""
        self._count += 1
        place = self.folder / f'{self._count:04d}'
        python = [sys.executable, '-W', 'ignore'] if anew and str(words[0]).endswith('.py') else []
        order = dict(
            words=[*python, *map(str, words)],
            cwd=str(cwd),
            place=str(place),
            watched=str(watched),
            write=write,
            delay=delay,
            clock=clock,
            anew=anew,
        )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + '\n')
        self._process.stdin.flush()
        return Run(place)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def _session(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        # After the name, which may hold blanks: state, parent, group, session.
        state, _, _, session, *_ = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        return int(session) if state not in 'ZX' else None
    return None


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
