"""Seeds that make a resumed training the same as an uninterrupted one."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from mmtscam.registry import FUNCTIONS

from .loaders import end_with_parent


@FUNCTIONS.register_module()
def seed_worker(worker_id: int, epoch_seed: torch.Tensor | None = None) -> None:
    """Seed a loader's worker from the main process's generator, and let it end with that process.

    PyTorch draws the base of the workers' seeds from the main process each
    time they start. mmengine's own function seeds them from the run's seed
    instead: alike in every epoch unless the workers persist, and then not
    reproducible after a resume.

    Args:
        worker_id: Index of the worker; part of its seed already.
        epoch_seed: For workers that persist, which start only once: the base
            of this epoch's seeds, an integer tensor in shared memory that
            ``EpochSeedHook`` sets. Such workers draw what workers draw that
            are started in every epoch.
    """
    end_with_parent()
    if epoch_seed is None:
        _seed_as_torch()
        return

    worker: Any = get_worker_info()
    dataset = worker.dataset  # the worker's own copy
    fetch: Callable[[Sequence[int]], list] = getattr(dataset, '__getitems__', None) or (
        lambda indices: [dataset[index] for index in indices]
    )
    current: int | None = None

    def fetch_seeded(indices: Sequence[int]) -> list:
        nonlocal current
        if current != epoch_seed.item():
            current = int(epoch_seed.item())
            torch.manual_seed(current + worker_id)  # what PyTorch starts a worker with
            _seed_as_torch()
        return fetch(indices)

    # Which PyTorch looks for first when it fetches a batch: a worker is told
    # of a new epoch in no other way.
    dataset.__getitems__ = fetch_seeded


def _seed_as_torch() -> None:
    """Seed ``random`` and NumPy with PyTorch's seed."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - mmcv's transforms draw from it
