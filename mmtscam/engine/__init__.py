"""What the Runner needs beyond mmengine."""

from .atomic_backend import AtomicLocalBackend
from .checkpoint import allow_mmengine_checkpoints
from .hooks import *  # noqa: F403
from .launch import prepare_cpu_distributed
from .seeding import seed_worker

__all__ = ['AtomicLocalBackend', 'allow_mmengine_checkpoints', 'prepare_cpu_distributed', 'seed_worker']
