import random

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mmtscam.engine import seed_worker
from mmtscam.engine.seeding import preserved_generators


class _Draws(Dataset):
    """Numbers from the generator that mmcv's transforms draw from."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.random.rand()  # noqa: NPY002


def epoch(seed):
    torch.manual_seed(seed)
    loader = DataLoader(_Draws(), num_workers=2, worker_init_fn=seed_worker)
    return torch.cat(list(loader)).tolist()


def test_workers_follow_the_main_generator():
    assert epoch(1) == epoch(1)
    assert not set(epoch(1)) & set(epoch(2))
    assert len(set(epoch(1))) == 8


def test_preserved_generators():
    def draws():
        return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002

    def seed(value):
        random.seed(value)
        np.random.seed(value)  # noqa: NPY002
        torch.manual_seed(value)

    seed(3)
    expected = draws()
    seed(3)
    with preserved_generators():
        seed(4)
        assert not set(draws()) & set(expected)
    assert draws() == expected
