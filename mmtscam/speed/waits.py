"""Where the CPU waits for the device between batches."""

import warnings
from collections import Counter
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from .settings import Setting, Way
from .worker import Task
from .workloads import build_task

# Calls that look at a value or a size on the device, and calls that wait for it.
_LOOKS = ('aten::_local_scalar_dense', 'aten::nonzero', 'aten::is_nonzero')
_WAITS = ('cudaStreamSynchronize', 'cudaDeviceSynchronize', 'cudaEventSynchronize')
_SYNCHRONIZES = 'called a synchronizing CUDA operation'


class Waits(NamedTuple):
    """How a workload keeps its device busy.

    Attributes:
        busy: Share of the time in which the device computed; ``None`` on a
            CPU.
        looks: For each operator that looks at a value or a size, its calls a
            batch. An optimizer's counters of steps, which lie on the CPU, are
            among them.
        waits: For each call that waits for the device, the same; none on a
            CPU.
        places: For each line of code that waited for the device, the same.
    """

    busy: float | None
    looks: dict[str, float]
    waits: dict[str, float]
    places: dict[str, float]


def build_profile(setting: Setting, way: Way) -> Task:
    """Make a task that profiles a workload, for a worker.

    Args:
        setting: The workload.
        way: How to do it.

    Returns:
        A function without arguments that gives :class:`Waits`.
    """
    return partial(_profile, build_task(setting, way), setting)


def _profile(task: Task, setting: Setting) -> Waits:
    gpu = setting.device != 'cpu'
    task()  # what happens once is not counted
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]) as found:
        task()
        if gpu:
            torch.cuda.synchronize(setting.device)
    events = found.key_averages()

    def count(names: tuple[str, ...]) -> dict[str, float]:
        return {event.key: event.count / setting.batches for event in events if event.key in names}

    return Waits(_busy(found) if gpu else None, count(_LOOKS), count(_WAITS), _places(task, setting) if gpu else {})


def _busy(found: Any) -> float:
    """The share of the time from the first event to the last one in which the device computed or copied."""
    events = found.events()
    start, end = min(each.time_range.start for each in events), max(each.time_range.end for each in events)
    spans = sorted(
        (each.time_range.start, each.time_range.end)
        for each in events
        if each.device_type == torch.autograd.DeviceType.CUDA
    )
    busy, reached = 0.0, float('-inf')
    for first, last in spans:
        busy += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    return busy / (end - start)


def _places(task: Task, setting: Setting) -> dict[str, float]:
    """Lines of code that wait for the GPU, as PyTorch warns of them."""
    torch.cuda.set_sync_debug_mode('warn')
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            task()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    lines = Counter(f'{each.filename}:{each.lineno}' for each in caught if _SYNCHRONIZES in str(each.message))
    return {line: count / setting.batches for line, count in lines.most_common()}
