"""Tasks of workers: each workload, done by the baseline or by this package."""

import os
from collections.abc import Callable

import cv2
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.utils.dl_utils import set_multi_processing

from mmtscam.engine.memory import keep_freed_memory

from . import baseline, ours
from .settings import Setting, Way
from .worker import Task

_BUILDERS: dict[tuple[str, str], Callable[[Setting, Config, Way], Task]] = {
    ('ours', 'evaluate'): ours.evaluation,
    ('ours', 'train'): ours.training,
    ('ours', 'predict'): ours.prediction,
    ('ours', 'load'): ours.loading,
    ('baseline', 'evaluate'): baseline.evaluation,
    ('baseline', 'train'): baseline.training,
    ('baseline', 'predict'): baseline.prediction,
    ('baseline', 'load'): baseline.loading,
}


def build_task(setting: Setting, way: Way) -> Task:
    """Make the task that a worker runs, in the worker.

    Weights are random and images are noise; both are the same in each way.
    Images and samples are in memory before a run begins. Image files are
    loaded on one core.

    Args:
        setting: The workload.
        way: How to do it.

    Returns:
        A function without arguments.
    """
    quiet()
    cfg = setting.load()
    if way.code == 'ours':  # what Runner and tools set
        set_multi_processing(**cfg.get('env_cfg', {}).get('mp_cfg', {}))
        if setting.device == 'cpu':
            keep_freed_memory()
    if setting.workload == 'load':
        _use_one_core()
    return _BUILDERS[way.code, setting.workload](setting, cfg, way)


def quiet() -> None:
    """Let mmengine's logger print errors alone, on this process's terminal."""
    MMLogger.get_instance('mmengine', log_level='ERROR')


def _use_one_core() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if hasattr(os, 'sched_setaffinity'):  # Linux alone
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
