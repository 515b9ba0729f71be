"""Failures in two processes of ``torchrun``, which ends the others and prints a traceback and a table of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rank_runs import TOOLS, environment, free_port

from .ground import BUG, GONE, LABEL, LIMIT, LONG, NO_FILE, TEST, TRAIN, Ground, data, hook, metric, words_of


@dataclass
class Launch:
    """A failure.

    Attributes:
        kind: The part that fails.
        tool: The tool.
        message: Its message, a regular expression.
        changes: Changes of the config.
        tracebacks: Number of tracebacks of its processes.
        signal: A signal that is sent when the processes are at work.
        in_table: Whether the table has the message too.
    """

    kind: str
    tool: str
    message: str
    changes: dict[str, Any]
    tracebacks: int = 0
    signal: int | None = None
    in_table: bool = False


def launches(ground: Ground) -> Iterator[Launch]:
    """All failures."""
    one = f'rank 1: {NO_FILE}'
    yield Launch('file that a hook needs', TEST, one, hook('no file', 'after_test_iter'), in_table=True)
    busy = hook('no file', 'after_test_iter', 1, 600)
    yield Launch('file that a hook needs, the other is busy', TEST, one, busy, in_table=True)
    yield Launch('bug in forward', TRAIN, BUG, hook('bug', 'forward'), tracebacks=1)
    yield Launch('bug as a metric makes numbers', TEST, BUG, metric('bug', 'summarise', 0), tracebacks=1)
    yield Launch('image that is gone', LABEL, f'rank 1: .*{GONE}', data('train', ground.gone), in_table=True)
    yield Launch('killed', TRAIN, r'Signal 9 \(SIGKILL\) received', hook('killed', 'after_train_iter'))
    yield Launch('SIGTERM to the launcher', TRAIN, 'got signal: 15', LONG, signal=signal.SIGTERM)
    yield Launch('Ctrl-C', TRAIN, r'rank \d: interrupted', LONG, signal=signal.SIGINT)


class Launched(NamedTuple):
    """How it ended: all lines, the seconds of the whole and of what came after the failure, processes that are left."""

    printed: list[str]
    seconds: float
    after: float
    left: list[int]


def fail_under_torchrun(ground: Ground) -> tuple[str, list[str]]:
    """Let each fail.

    Returns:
        A table, and what is wrong.
    """
    rows = [f'{"what fails, under torchrun":<42} {"tool":<12} {"n":>2} {"all s":>6} {"after":>6}  message']
    wrong = []
    for number, launch in enumerate(launches(ground)):
        config = ground.write(f'launch{number}', launch.changes)
        ended = run(words_of(launch.tool, config, ground.checkpoint, ground.folder / f'launch{number}'), launch)
        said = [line.strip() for line in ended.printed if re.search(launch.message, line)]
        shown = (said or [''])[0].replace(str(ground.folder), '')[:100]
        rows.append(
            f'{launch.kind:<42} {Path(launch.tool).stem:<12}  2 {ended.seconds:6.1f} {ended.after:6.1f}  {shown}'
        )
        faults = []
        if ended.after > LIMIT:
            faults.append('it hung')
        if ended.left:
            faults.append(f'processes {ended.left} are left')
        traced = sum(bool(re.match(r'\[rank\d\]: Traceback', line)) for line in ended.printed)
        if traced != launch.tracebacks:
            faults.append(f'{traced} tracebacks')
        if len(said) != 1 + launch.in_table or (launch.in_table and not said[1].startswith('traceback : rank')):
            faults.append(f'the message is in {said}')
        wrong += [f'{launch.kind}, {launch.tool}: {fault}' for fault in faults]
        if faults:
            wrong.append('\n'.join(ended.printed[-40:]))
    return '\n'.join(rows), wrong


def run(words: Sequence[Any], launch: Launch) -> Launched:
    """Run a tool in two processes of ``torchrun``, as the scripts and pages do."""
    mark = f'{os.getpid()}-{time.monotonic_ns()}'
    if launch.tool == LABEL:
        torchrun = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', 2, '--master_port', free_port()]
        command = [*torchrun, TOOLS / LABEL, *words, '--launcher', 'pytorch']
    else:
        model = 1 if launch.tool == TRAIN else 2
        command = ['bash', TOOLS / f'dist_{Path(launch.tool).stem}.sh', *words[:model], 2, *words[model:]]
    own = dict(
        PATH=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
        PORT=str(free_port()),
        PYTHONUNBUFFERED='1',
        RANKS_RUN=mark,
    )
    lines: list[str] = []
    start = failed = time.monotonic()
    process = subprocess.Popen(
        list(map(str, command)),
        env={**environment(), **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    limit = threading.Timer(4 * LIMIT, lambda: [os.kill(pid, signal.SIGKILL) for pid in marked(mark)])
    limit.start()
    told = False
    for line in process.stdout:
        lines.append(line.rstrip('\n'))
        if told:
            continue
        if launch.signal and re.search(r'Epoch\(train\)\s+\[2\]', line):
            # A terminal interrupts all that run in it.
            (os.killpg if launch.signal == signal.SIGINT else os.kill)(process.pid, launch.signal)
            failed, told = time.monotonic(), True
        elif re.search(f'{launch.message}|closing signal', line):
            failed, told = time.monotonic(), True
    process.wait()
    limit.cancel()
    end = time.monotonic()
    time.sleep(6)  # PyTorch's own workers look every five seconds whether the process that reads from them is there
    return Launched(lines, end - start, end - failed, marked(mark))


def marked(mark: str) -> list[int]:
    """Processes with a mark in their environment."""
    found = []
    for place in Path('/proc').glob('[0-9]*'):
        try:
            if f'RANKS_RUN={mark}'.encode() in (place / 'environ').read_bytes():
                found.append(int(place.name))
        except OSError:  # it has ended, or is not ours
            continue
    return found
