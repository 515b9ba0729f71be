"""Randomness as a function of seed, epoch and rank."""

import random
from functools import partial

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmtscam.engine.seeding import seed_worker
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds all generators anew at the start of each training epoch.

    A checkpoint does not hold the state of random generators, so drop path
    and augmentation would differ after a resume. With this hook and the
    worker function ``seed_worker`` they depend on the run's seed, the epoch
    and the rank alone. They are the same whether workers persist or not.
    """

    def __init__(self) -> None:
        self._worker_seed: torch.Tensor | None = None

    def before_train(self, runner: Runner) -> None:
        """Prepare persistent workers to be seeded anew in each epoch, if the loop has epochs."""
        loader = runner.train_dataloader
        init_fn = loader.worker_init_fn
        if (
            self._worker_seed is not None  # of an earlier call
            or not loader.persistent_workers
            or getattr(init_fn, 'func', init_fn) is not seed_worker
            or not isinstance(runner.train_loop, EpochBasedTrainLoop)
        ):
            return
        self._worker_seed = torch.zeros((), dtype=torch.int64).share_memory_()
        loader.worker_init_fn = partial(seed_worker, epoch_seed=self._worker_seed)
        # PyTorch draws a base of seeds when the workers start, in the first epoch
        # of a process. That draw must not come from the main process's generator.
        loader.generator = torch.Generator()

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed ``random``, NumPy and PyTorch, and workers that persist."""
        seed = int(np.random.SeedSequence([runner.seed, runner.epoch, get_rank()]).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - mmcv's transforms draw from it
        torch.manual_seed(seed)
        if self._worker_seed is not None:
            # PyTorch would draw this number here if it started workers anew.
            self._worker_seed.random_()
