"""Randomness as a function of seed, epoch and rank."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtscam.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds all generators anew at the start of each training epoch.

    A checkpoint does not hold the state of random generators, so drop path
    and augmentation would go another way after a resume. With this hook and
    the worker function ``seed_worker`` (and workers that do not persist) they
    depend on the run's seed, the epoch and the rank alone.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed ``random``, NumPy and PyTorch."""
        seed = int(np.random.SeedSequence([runner.seed, runner.epoch, get_rank()]).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - mmcv's transforms draw from it
        torch.manual_seed(seed)
