"""Tasks that tests give to workers of the benchmark."""

import mmap
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from mmtscam.speed import Setting, Way
from mmtscam.speed.workloads import build_task
from mmtscam.utils.choices import PRECISIONS, WORKLOADS

MIB = 2**20


def touch(size: int) -> int:
    """Take memory of the system, write to each page of it, and hand it back; returns the size."""
    with mmap.mmap(-1, size) as memory:
        for start in range(0, size, MIB):
            memory[start : start + MIB] = b'x' * MIB
    return size


def steps(touched: int, *functions: Callable[[], Any]) -> Callable[[], Any]:
    """Touch memory here, and call one function after the other, one a run, which is two calls."""
    if touched:
        touch(touched)
    calls = (function for function in functions for _ in range(2))
    return lambda: next(calls)()


def process_and_gpus() -> tuple[int, str | None]:
    return os.getpid(), os.environ.get('CUDA_VISIBLE_DEVICES')


def fail(error: Exception) -> None:
    raise error


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def every_workload(setting: dict[str, Any]) -> Callable[[], dict]:
    """Build each workload in each way and run it; gives what it returned and on how many cores and threads."""

    def run() -> dict:
        found = {}
        for workload in WORKLOADS:
            ways = [Way('baseline'), *(Way('ours', precision) for precision in PRECISIONS)]
            for way in ways:
                result = build_task(Setting(workload=workload, **setting), way)()
                cores = None
                with suppress(AttributeError):  # Linux alone
                    cores = len(os.sched_getaffinity(0))
                found[workload, way.name] = result, cores, torch.get_num_threads()
        return found

    return run
