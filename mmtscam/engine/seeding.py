"""Seeds that make a resumed training the same as an uninterrupted one."""

import random

import numpy as np
import torch

from mmtscam.registry import FUNCTIONS


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed a loader's worker from the main process's generator.

    PyTorch draws the base of the workers' seeds from the main process each
    time they start. mmengine's own function seeds them from the run's seed
    instead: alike in every epoch unless the workers persist, and then not
    reproducible after a resume.

    Args:
        worker_id: Index of the worker; part of its seed already.
    """
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - mmcv's transforms draw from it
