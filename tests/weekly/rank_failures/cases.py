"""Failures in processes that were started by hand."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .ground import BUG, GONE, LABEL, LIMIT, LONG, NO_FILE, TEST, TRAIN, Ground, data, hook, loader, metric


@dataclass
class Case:
    """A failure.

    Attributes:
        kind: The part that fails.
        tool: The tool.
        rank: The rank that fails; ``None`` where several may be the first.
        message: Its message, a regular expression; ``None`` where it has none.
        changes: Changes of the config.
        words: Further words of the tool.
        given: For single ranks, another config or checkpoint.
        ranks: Number of processes.
        act: Called with the ids of the processes, to do something to them.
        traced: Whether the message comes with a traceback.
        late: Whether the others may be done by then.
    """

    kind: str
    tool: str
    rank: int | None
    message: str | None
    changes: dict[str, Any] = field(default_factory=dict)
    words: Sequence[Any] = ()
    given: dict[int, dict[str, Any]] = field(default_factory=dict)
    ranks: int = 2
    act: Callable[[list[int]], None] = lambda pids: None
    traced: bool = False
    late: bool = False


def all_cases(ground: Ground) -> Iterator[Case]:
    """All failures."""
    yield from of_data(ground)
    yield from of_model_and_metrics()
    yield from of_hooks(ground)
    yield from of_building(ground)
    yield from of_signals(ground)


def of_data(ground: Ground) -> Iterator[Case]:
    """An image in the share of one."""
    image = r'_000\d\.jpg: the image cannot be read or transformed: cannot identify image file; replace the file or '
    read_by = dict(num_workers=2, persistent_workers=True)
    train, test = data('train', ground.broken), data('test', ground.broken)
    yield Case('broken image', TRAIN, None, image, train)
    yield Case('broken image, read by workers', TRAIN, None, image, {**train, **loader('train', **read_by)})
    yield Case('broken image', TEST, 1, image, test)
    yield Case('broken image, read by workers', TEST, 0, image, {**test, **loader('test', **read_by)}, ranks=3)
    yield Case('image that is gone', LABEL, 1, GONE, data('train', ground.gone))
    shares = {'dataset.indices': 3, 'sampler.round_up': False, 'batch_size': 1}
    unequal = 'the processes have 1, 1, 1, 0 batches of an epoch of training'
    yield Case('unequal shares of training', TRAIN, None, unequal, loader('train', **shares), ranks=4)


def of_model_and_metrics() -> Iterator[Case]:
    """Bugs of a user's own, and a file that a metric needs."""
    infinite = dict(custom_hooks=[dict(type='InfiniteLossHook')])
    yield Case('bug in forward', TEST, 1, BUG, hook('bug', 'forward'), traced=True)
    yield Case('bug in forward', TRAIN, 1, BUG, hook('bug', 'forward'), traced=True, ranks=4)
    yield Case('loss that is infinite', TRAIN, 1, 'AssertionError: loss become infinite', infinite, traced=True)
    yield Case('bug as a metric scores', TEST, 1, BUG, metric('bug', 'score'), traced=True)
    yield Case('file that a metric needs', TEST, 1, NO_FILE, metric('no file', 'score'))
    yield Case('bug as a metric makes numbers', TEST, 0, BUG, metric('bug', 'summarise', 0), traced=True, ranks=3)
    yield Case('killed as a metric makes numbers', TEST, 0, None, metric('killed', 'summarise', 0))


def of_hooks(ground: Ground) -> Iterator[Case]:
    """Work of the main process alone, and hooks of a user's."""
    place = ground.folder / 'taken'
    place.write_text('a file')
    (ground.folder / 'boxes.json').write_text('{}')
    taken = 'taken: is a file; name a folder for the results'
    full = r'\[Errno 27\] File too large'
    yield Case('file that a hook needs', TRAIN, 0, NO_FILE, hook('no file', 'after_train_epoch', 0))
    yield Case('full disk, as a checkpoint is saved', TRAIN, 0, full, hook('full disk', 'before_train_epoch', 0))
    yield Case('file that a hook needs at the end', TEST, 0, NO_FILE, hook('no file', 'after_test', 0), late=True)
    yield Case('report to be below a file', TEST, None, taken, words=['--report-dir', place / 'a'])
    yield Case('maps to be below a file', TEST, None, taken, words=['--save-maps', place / 'maps.npz'])
    below = ['--out', place / 'a.json', '--out-item', 'metrics']
    yield Case('metrics to be below a file', TEST, None, taken, words=below)
    there = 'boxes.json: is there already; remove it'
    yield Case('labels that are there', LABEL, None, there, words=['--out', ground.folder / 'boxes.json'])
    busy = hook('no file', 'after_test_iter', 1, 600)
    yield Case('file that a hook needs, others are busy', TEST, 1, NO_FILE, busy, ranks=3)


def of_building(ground: Ground) -> Iterator[Case]:
    """Files that one process does not see."""
    nowhere = ground.write('nowhere', data('test', Path('/none')))
    checkpoint = r'none\.pth: checkpoint not found'
    lists = r'/none/images\.txt: annotation file or image folder not found'
    yield Case('checkpoint unseen by one', TEST, 1, checkpoint, given={1: dict(checkpoint='none.pth')})
    yield Case('config unseen by one', TRAIN, 0, r'none\.py: config file not found', given={0: dict(config='none.py')})
    yield Case('data unseen by one', TEST, 2, lists, given={2: dict(config=nowhere)}, ranks=3)


def of_signals(ground: Ground) -> Iterator[Case]:
    """Processes that are killed, at work and from outside, and interrupted."""
    workers = loader('train', num_workers=2, persistent_workers=True)
    yield Case('killed', TEST, 1, None, hook('killed', 'after_test_iter'))
    yield Case('killed', TEST, 0, None, hook('killed', 'after_test_iter', 0), ranks=3)
    yield Case('killed, others are busy', TEST, 2, None, hook('killed', 'after_test_iter', 2, 600), ranks=4)
    with_workers = {**hook('killed', 'after_test_iter'), **loader('test', num_workers=2)}
    yield Case('killed, has workers', TEST, 1, None, with_workers)
    yield Case('killed, has workers', TRAIN, 0, None, {**hook('killed', 'after_train_iter', 0), **workers})
    log = ground.folder / 'rank0.printed'
    yield Case('killed from outside', TRAIN, 1, None, LONG, act=at_work(log, signal.SIGKILL, 1))
    yield Case('SIGTERM to one', TRAIN, 0, None, LONG, act=at_work(log, signal.SIGTERM, 0))
    yield Case('Ctrl-C in one', TRAIN, 1, 'interrupted', LONG, act=at_work(log, signal.SIGINT, 1))
    yield Case('Ctrl-C in all', TRAIN, None, 'interrupted', LONG, act=at_work(log, signal.SIGINT, 0, 1, 2), ranks=3)


def at_work(log: Path, number: int, *ranks: int) -> Callable[[list[int]], None]:
    """Send a signal to some ranks when they are at work."""

    def act(pids: list[int]) -> None:
        end = time.monotonic() + LIMIT / 2
        while 'Epoch(val) [1][' not in log.read_text() and time.monotonic() < end:
            time.sleep(0.1)
        for rank in ranks:
            os.kill(pids[rank], number)

    return act
