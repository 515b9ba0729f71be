"""The cost of metrics that share their work among processes."""

import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from mmtscam.evaluation import BaseLocMetric, LocAccuracy, MaxBoxAcc, PixelAP, shared_scoring
from mmtscam.utils.timing import in_turn

from .metrics import make_maps, make_samples

_BATCH = 64
_KINDS: dict[str, Callable[..., BaseLocMetric]] = {
    'MaxBoxAccV2, 1000 thresholds': MaxBoxAcc,
    'LocAccuracy, tscam': LocAccuracy,
    'LocAccuracy, sat': partial(LocAccuracy, 'sat'),
    'LocAccuracy, wsol-v1': partial(LocAccuracy, 'wsol-v1', threshold=0.2),
    'PixelAP': PixelAP,
}


class Cost(NamedTuple):
    """Seconds that scoring takes.

    Attributes:
        wall: Wall time.
        own: Processor time of the process that evaluates.
        workers: Processor time of the processes that share the work.
    """

    wall: float
    own: float
    workers: float


class SharedCost(NamedTuple):
    """Cost of a metric in one process and shared.

    Attributes:
        name: The metric.
        alone: Cost in one process in each round.
        shared: Cost with others in each round.
    """

    name: str
    alone: list[Cost]
    shared: list[Cost]


def share_metrics(images: int, rounds: int, workers: int) -> list[SharedCost]:
    """Measure several metrics in one process and in several in turn, and check that they count the same.

    Batches of 64 images are simulated, with maps of 14x14 and 1000 classes.

    Args:
        images: Number of images.
        rounds: How often each is measured.
        workers: Number of processes that share the work.

    Returns:
        The cost of each metric.

    Raises:
        ValueError: If a number differs.
    """
    samples = list(make_samples(make_maps(14, images), classes=1000))
    numbers: list[dict[str, dict[str, float]]] = []
    alone, shared = in_turn([partial(_score, count, samples, numbers) for count in (0, workers)], rounds)
    for name in _KINDS:
        if any(found[name] != numbers[0][name] for found in numbers):
            raise ValueError(f'{name}: {workers} processes count otherwise than one')
    return [SharedCost(name, *([costs[name] for costs in way] for way in (alone, shared))) for name in _KINDS]


def _score(workers: int, samples: list[dict], numbers: list[dict[str, dict[str, float]]]) -> dict[str, Cost]:
    """The cost of each metric; what they find is added to ``numbers``."""
    metrics = {name: kind(num_workers=workers) for name, kind in _KINDS.items()}
    costs = dict.fromkeys(metrics, Cost(0.0, 0.0, 0.0))
    with shared_scoring(list(metrics.values())):
        for metric in metrics.values():  # the processes start
            metric.process({}, samples[:2])
            metric.evaluate(2)
        for start in range(0, len(samples), _BATCH):
            for name, metric in metrics.items():
                before = _now()
                metric.process({}, samples[start : start + _BATCH])
                changes = (after - earlier for after, earlier in zip(_now(), before, strict=True))
                costs[name] = Cost(*map(sum, zip(costs[name], changes, strict=True)))
    numbers.append({name: metric.evaluate(len(samples)) for name, metric in metrics.items()})
    return costs


def _now() -> Cost:
    # Linux has a clock for the processor time of each process, whose number is made of the process's own.
    clocks = [(~process.pid << 3) | 2 for process in multiprocessing.active_children() if process.pid]
    return Cost(time.perf_counter(), time.process_time(), sum(map(time.clock_gettime, clocks)))
