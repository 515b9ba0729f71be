"""The ground of all tries: a config, weights, the undisturbed results, and a count of what becomes of the tries."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .commands import Command
from .leavings import broken_files, leftovers
from .runs import LIMIT, Run, Server
from .tally import Row, Tally


class Ground:
    """The place of all tries.

    Args:
        folder: An empty folder.

    Attributes:
        draw: Chooses when and where faults come.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.draw = random.Random(0)
        self.server = Server(folder / 'runs')
        self.tally = Tally()
        self.calm: dict[Command, Calm] = {}
        self._count = 0

    def new(self) -> Path:
        """A folder for what a run writes."""
        self._count += 1
        out = self.folder / f'out{self._count:04d}'
        out.mkdir()
        return out

    def learn(self, command: Command) -> Path:
        """Run a command without a fault, for its result and its time."""
        out = self.new()
        run = self.server.start(command.words(out), out)
        assert run.wait() == 0, run.out[-2000:] + run.err[-2000:]
        self.calm[command] = Calm(command.result(out), run.seconds, run.writes, _kilobytes(out))
        return out

    def seconds(self, command: Command) -> float:
        """Time of an undisturbed run at this moment: the machine may have other work by now."""
        out = self.new()
        run = self.server.start(command.words(out), out)
        assert run.wait() == 0, run.out[-2000:] + run.err[-2000:]
        return run.seconds

    @contextmanager
    def trying(self, kind: str, command: str) -> Iterator[Row]:
        """Count what is tried meanwhile."""
        row = self.tally.rows[kind, command]
        start = time.monotonic()
        try:
            yield row
        finally:
            row.seconds += time.monotonic() - start

    def check_end(self, row: Row, run: Run, out: Path, codes: tuple[int, ...], tidy: bool = True) -> None:
        """Judge how a disturbed run ended, and what it left.

        Args:
            row: Takes the faults.
            run: The run, which has ended.
            out: Its folder.
            codes: Exit codes that are right; with one above 0 comes one line.
            tidy: Whether it could tidy up.
        """
        faults = broken_files(out) + (leftovers(out) if tidy else [])
        if run.hung:
            row.hung += 1
            faults.append(f'runs for more than {LIMIT} s')
        if run.code not in codes:
            faults.append(f'ends with {run.code}')
        if 'Traceback' in run.out + run.err:
            faults.append('traceback')
        elif (run.code or 0) > 0 and len(run.err.splitlines()) != 1:
            faults.append(f'{len(run.err.splitlines())} lines')
        row.add(*[f'{fault} [{run.place.name}: {run.err[-300:]}]' for fault in faults])

    def check_again(self, row: Row, command: Command, out: Path) -> Run | None:
        """Run a disturbed command again and compare its result; ``None`` where it was there already."""
        again = None
        if not self._is_there(command, out):
            again = self.server.start([*command.words(out), *command.again], out)
            code = again.wait()
            if code or again.hung:
                row.hung += again.hung
                row.add(f'started again it ends with {code} [{again.place.name}: {again.err[-300:]}]')
                return again
        row.add(*[f'{fault} [{out.name}]' for fault in broken_files(out)])
        if (found := command.result(out)) != self.calm[command].result:
            row.add(f'another result: {_difference(found, self.calm[command].result)} [{out.name}]')
        return again

    def _is_there(self, command: Command, out: Path) -> bool:
        """Pseudo labels are not written over, and a killed run may have finished them."""
        return command.name == 'pseudo_label.py' and command.result(out) == self.calm[command].result


class Calm:
    """An undisturbed run.

    Args:
        result: Its result.
        seconds: Its time.
        writes: Number of its changes in its folder.
        kilobytes: Size of what it leaves.
    """

    def __init__(self, result: Any, seconds: float, writes: int, kilobytes: int) -> None:
        self.result, self.seconds, self.writes, self.kilobytes = result, seconds, writes, kilobytes


def put(
    ground: Ground,
    kind: str,
    command: Command,
    fault: Callable[[Run], str | None],
    codes: tuple[int, ...],
    **options: Any,
) -> None:
    """Start a command, put a fault upon it, judge its end and run it again.

    Args:
        ground: The ground.
        kind: Kind of the fault, for the table.
        command: The command.
        fault: Disturbs a run and says where; ``None`` if the run has ended before.
        codes: Exit codes that are right then; 0 is right where the fault came late.
        options: ``tidy`` for ``check_end``, others for ``Server.start``.
    """
    tidy = options.pop('tidy', True)
    with ground.trying(kind, command.name) as row:
        out = ground.new()
        run = ground.server.start(command.words(out), out, **options)
        where = fault(run)
        run.wait(LIMIT)
        row.tries += 1
        row.late += where is None or run.code == 0
        if where:
            row.where[where] += 1
        ground.check_end(row, run, out, (*codes, 0), tidy)
        again = ground.check_again(row, command, out)
        if command.name.startswith('train') and again:
            row.lost = max(row.lost, lost_epochs(run, again))
            if lost_epochs(run, again) > 1:
                row.add(f'{lost_epochs(run, again)} checkpoint intervals lost [{out.name}]')


def lost_epochs(run: Run, again: Run) -> int:
    """Epochs that a run had finished and the one after it did once more."""
    steps = [line.split('Epoch(train)')[1].split()[0] for line in run.out.splitlines() if 'Epoch(train)' in line]
    finished = [
        int(step.split('][')[0].strip('['))
        for step in steps
        if len(set(step.strip('[]').split('][')[1].split('/'))) == 1
    ]
    started = [line.split('Epoch(train)')[1].split()[0] for line in again.out.splitlines() if 'Epoch(train)' in line]
    first = int(started[0].split('][')[0].strip('[')) if started else max(finished, default=0) + 1
    return max(max(finished, default=0) - (first - 1), 0)


def _kilobytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) // 1024


def _difference(found: Any, wanted: Any) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        return ', '.join(key for key in found | wanted if found.get(key) != wanted.get(key))
    return f'{found} instead of {wanted}'
