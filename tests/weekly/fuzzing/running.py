"""Running the targets, each in a child with bounds on memory and time, and judging what came of it."""

import gc
import multiprocessing
import os
import random
import resource
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmtscam.utils.cli import _message

from .mutation import Change, one_of

# Seconds and bytes that one input may take. The valid content takes a thousandth of both.
MOST_SECONDS, MOST_MEMORY = 20, 256 << 20
_ADDRESS_SPACE = 4 << 30
# Half of the pixels of the largest image; its usual limit would take most of the memory here.
_PIXELS = 1 << 21
_AT_MOST = 20  # findings of a target before it is left


@dataclass(frozen=True)
class Target:
    """Something that reads a file.

    Attributes:
        name: Its name in the table.
        file: Path of the file that is spoilt, in a folder of the target's own.
        seeds: Valid contents of it.
        change: Spoils one.
        read: Reads the file, as far as tools do.
        named: Whether a message must name the file.
        others: Further files of the folder, which stay valid.
    """

    name: str
    file: str
    seeds: Sequence[bytes]
    change: Change
    read: Callable[[Path], object]
    named: bool = True
    others: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Outcome:
    """The ends of a target's inputs.

    Attributes:
        target: Its name.
        inputs: Number of inputs.
        accepted: How many of them were read.
        refused: How many ended in one of our errors.
        seconds: Time that it took.
        findings: Where an input did something else, with the number of the
            input and the last lines of the traceback.
    """

    target: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)


def fuzz(target: Target, folder: Path, seed: str, seconds: float) -> Outcome:
    """Read spoilt files for a while.

    An input depends on the seed and its number alone. The first input of each
    finding stays in ``folder/findings``.

    Args:
        target: The target.
        folder: An empty folder.
        seed: The seed.
        seconds: How long.
    """
    path = folder / 'data' / target.file
    path.parent.mkdir(parents=True)
    (folder / 'findings').mkdir()
    for name, content in target.others.items():
        other = folder / 'data' / name
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(content)
    for content in target.seeds:
        path.write_bytes(content)
        target.read(path)  # valid content is read
    outcome, start = Outcome(target.name), time.monotonic()
    context = multiprocessing.get_context('fork')
    while time.monotonic() < start + seconds and len(outcome.findings) < _AT_MOST:
        ours, theirs = context.Pipe()
        until = start + seconds
        child = context.Process(target=_work, args=(target, path, seed, outcome.inputs, until, theirs), daemon=True)
        child.start()
        theirs.close()
        _listen(ours, outcome, folder / 'findings')
        if child.is_alive():
            child.kill()
        child.join()
    outcome.seconds = time.monotonic() - start
    for stray in {each.name for each in folder.iterdir()} - {'data', 'findings'}:
        outcome.findings[stray] = f'{stray} was written outside of the folder'
    return outcome


def _listen(pipe: Any, outcome: Outcome, folder: Path) -> None:
    """Count what a child tells, until it ends."""
    content, kind = b'', ''
    try:
        while pipe.poll(2 * MOST_SECONDS):
            kind, number, value = pipe.recv()
            if kind == 'input':
                content = value
            if kind in ('input', 'end'):
                continue
            outcome.inputs = number + 1
            outcome.accepted += kind == 'accepted'
            outcome.refused += kind == 'refused'
            if kind == 'finding':
                _add(outcome, value, number, content, folder)
        _add(outcome, f'hangs for {2 * MOST_SECONDS} s', outcome.inputs, content, folder)
    except EOFError:
        if kind == 'end':
            return
        _add(outcome, 'the process dies', outcome.inputs, content, folder)
    outcome.inputs += 1


def _add(outcome: Outcome, what: str, number: int, content: bytes, folder: Path) -> None:
    where = what.partition('\n')[0]
    if where not in outcome.findings:
        outcome.findings[where] = f'input {number}: {what}'
        (folder / f'{len(outcome.findings)}').write_bytes(content)


def _work(target: Target, path: Path, seed: str, number: int, until: float, pipe: Any) -> None:
    """Read inputs from one number on, and tell the parent what becomes of each."""
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESS_SPACE, used + _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ['MMTSCAM_MAX_IMAGE_PIXELS'] = str(_PIXELS)
    signal.signal(signal.SIGALRM, _too_long)
    gc.freeze()  # data sets of mmengine collect garbage, which takes long with all that was imported
    with open(os.devnull, 'w') as nowhere:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    while time.monotonic() < until:
        content = one_of(random.Random(f'{target.name} {seed} {number}'), target.seeds, target.change)
        pipe.send(('input', number, content))
        path.write_bytes(content)
        before = _peak()
        kind, what = _judge(target, path)
        if _peak() - before > MOST_MEMORY:
            kind, what = 'finding', f'takes {(_peak() - before) >> 20} MiB for {len(content)} bytes'
        pipe.send((kind, number, what))
        if what.startswith('takes'):
            break  # the peak does not fall again
        number += 1
    pipe.send(('end', number, ''))


def _judge(target: Target, path: Path) -> tuple[str, str]:
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        target.read(path)
    except TooLong as error:
        return 'finding', f'{error}: {_places(error)}'
    except Exception as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        message = _message(error, 'tools')
        if message is None:
            return 'finding', f'{type(error).__name__} at {_places(error)}\n{str(error)[:300]}'
        if target.named and path.name not in message:
            return 'finding', f'no name in the message at {_places(error)}\n{message[:300]}'
        return 'refused', ''
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 'accepted', ''


class TooLong(BaseException):
    """One input takes too long; no error, which a reader might catch."""


def _too_long(*_: object) -> None:
    raise TooLong(f'more than {MOST_SECONDS} s')


def _places(error: BaseException) -> str:
    """The last lines of a traceback."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return ' < '.join(f'{Path(frame.filename).name}:{frame.lineno}' for frame in reversed(frames))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(outcomes: Sequence[Outcome]) -> str:
    """Inputs, ends, seconds and findings of each target, and of all."""
    rows = ['| target | inputs | read | refused in one line | seconds | findings |', '|---|---|---|---|---|---|']
    for each in outcomes:
        counts = f'{each.inputs} | {each.accepted} | {each.refused} | {each.seconds:.0f} | {len(each.findings)}'
        rows.append(f'| {each.target} | {counts} |')
    sums = (sum(getattr(each, name) for each in outcomes) for name in ('inputs', 'accepted', 'refused', 'seconds'))
    inputs, accepted, refused, seconds = sums
    found = sum(len(each.findings) for each in outcomes)
    return '\n'.join([*rows, f'| all | {inputs} | {accepted} | {refused} | {seconds:.0f} | {found} |'])
