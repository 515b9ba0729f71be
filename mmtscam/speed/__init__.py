"""Benchmarks of time and memory: this package beside a baseline that is written out plainly."""

import mmtscam.registry  # noqa: F401 - before mmpretrain, of which it leaves a part out

from .comparison import check_memory, compare, count_steps
from .complexity import model_complexity
from .inputs import image_files
from .machine import machine_facts, package_versions
from .memory import memory_in_use, peak_memory, reset_peak_memory
from .plot import plot_growth
from .settings import Setting, Way
from .worker import Memory, Run, Worker, WorkerError, start_workers

__all__ = [
    'Memory',
    'Run',
    'Setting',
    'Way',
    'Worker',
    'WorkerError',
    'check_memory',
    'compare',
    'count_steps',
    'image_files',
    'machine_facts',
    'memory_in_use',
    'model_complexity',
    'package_versions',
    'peak_memory',
    'plot_growth',
    'reset_peak_memory',
    'start_workers',
]
