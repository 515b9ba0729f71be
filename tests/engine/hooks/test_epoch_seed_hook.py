import random
from types import SimpleNamespace

import numpy as np
import torch

from mmtscam.registry import HOOKS


def draws(seed, epoch):
    HOOKS.build(dict(type='EpochSeedHook')).before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_depends_on_seed_and_epoch_alone():
    first = draws(26, 3)
    torch.rand(7)  # whatever went before
    assert draws(26, 3) == first
    for other in (draws(26, 4), draws(27, 3)):
        assert all(a != b for a, b in zip(first, other, strict=True))
