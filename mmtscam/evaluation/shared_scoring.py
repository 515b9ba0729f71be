"""Scoring in several processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmtscam.utils.cores import idle_cores
from mmtscam.utils.worker_processes import WorkerProcesses

from .metrics import BaseLocMetric

_MOST = 16  # processes; one process does not keep more of them busy


@contextmanager
def shared_scoring(metrics: Sequence[Any], taken: int = 0) -> Iterator[None]:
    """Let metrics share their work among processes meanwhile.

    Metrics that ask for the same number of processes have the same ones, which
    start with the first batch. Metrics count the same as without them.

    Args:
        metrics: The metrics of an evaluator; those that do not share their
            work are left alone. All processes of a run must have the same.
        taken: Cores that others need, such as the workers of a data loader.

    Examples:
        >>> from mmtscam.evaluation import LocAccuracy, MaxBoxAcc
        >>> metrics = [LocAccuracy(), MaxBoxAcc(num_workers=2)]
        >>> with shared_scoring(metrics):
        ...     [metric.workers.count for metric in metrics[1:]]
        [2]
    """
    sharing = [metric for metric in metrics if isinstance(metric, BaseLocMetric) and metric.shares_work]
    idle = min(idle_cores(taken), _MOST) if any(metric.num_workers is None for metric in sharing) else 1
    wanted = {metric: idle if metric.num_workers is None else metric.num_workers for metric in sharing}
    groups = {count: WorkerProcesses(count) for count in wanted.values() if count > 1}
    for metric, count in wanted.items():
        metric.workers = groups.get(count)
    try:
        yield
    finally:
        for metric in wanted:
            metric.workers = None
        for workers in groups.values():
            workers.close()
