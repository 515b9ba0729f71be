"""Seeds that make a resumed training the same as an uninterrupted one."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    instead. Workers then draw the same in every epoch or, if they persist,
    draw differently after a resume.

    Args:
        worker_id: Index of the worker; part of its seed already.
        epoch_seed: Base of this epoch's seeds, for workers that persist and
            so start only once: an integer tensor in shared memory that
            ``EpochSeedHook`` sets. Such workers draw the same as workers that
            start anew in every epoch.
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
            torch.manual_seed(current + worker_id)  # PyTorch starts a worker with this seed
            _seed_as_torch()
        return fetch(indices)

    # PyTorch looks for this method first when it fetches a batch. A worker has
    # no other way to learn of a new epoch.
    dataset.__getitems__ = fetch_seeded


def _seed_as_torch() -> None:
    """Seed ``random`` and NumPy with PyTorch's seed."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - mmcv's transforms draw from it


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Leave the global generators of ``random``, NumPy and PyTorch as they are, whatever is drawn or seeded within."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - mmcv's transforms draw from it
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
