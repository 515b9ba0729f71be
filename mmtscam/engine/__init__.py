"""Hooks, loops, seeding and launching that the Runner needs beyond mmengine."""

from .atomic_backend import AtomicLocalBackend
from .hooks import *  # noqa: F403
from .launch import prepare_cpu_distributed
from .loops import LocTestLoop, LocValLoop
from .optim import Bf16OptimWrapper, BiasRateConstructor
from .seeding import seed_worker

__all__ = [
    'AtomicLocalBackend',
    'Bf16OptimWrapper',
    'BiasRateConstructor',
    'LocTestLoop',
    'LocValLoop',
    'prepare_cpu_distributed',
    'seed_worker',
]
