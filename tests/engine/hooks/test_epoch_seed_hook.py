import copy
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

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


class _Inputs(Hook):
    """Keeps a figure of each batch."""

    def __init__(self):
        self.sums = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.sums.append(data_batch['inputs'].sum().item())


@pytest.fixture
def train(tiny_config, tmp_path):
    """Trains with everything random on, and gives the weights and a figure of each batch."""
    tiny_config.model.backbone.drop_path_rate = 0.5
    tiny_config.val_dataloader = tiny_config.val_cfg = tiny_config.val_evaluator = None
    tiny_config.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    tiny_config.train_cfg = dict(by_epoch=True, max_epochs=3)

    def train(name, resume=None, **loader):
        cfg = copy.deepcopy(tiny_config)
        cfg.update(work_dir=str(tmp_path / name), experiment_name=f'{tmp_path.name}-{name}')
        cfg.train_dataloader.update(num_workers=2, **loader)
        if resume:
            cfg.update(load_from=str(tmp_path / resume), resume=True)
        runner, inputs = Runner.from_cfg(cfg), _Inputs()
        runner.register_hook(inputs)
        runner.train()
        return runner.model.state_dict(), inputs.sums

    return train


def assert_equal_weights(ours, theirs):
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
def test_workers_that_persist_change_nothing_and_a_resume_neither(train):
    anew, anew_inputs = train('anew', persistent_workers=False)
    whole, inputs = train('whole', persistent_workers=True)
    resumed, resumed_inputs = train('resumed', persistent_workers=True, resume='whole/epoch_1.pth')
    assert len(set(inputs)) == len(inputs) == 9  # no two batches alike
    assert inputs == anew_inputs
    assert resumed_inputs == inputs[3:]
    assert_equal_weights(whole, anew)
    assert_equal_weights(resumed, whole)


@pytest.mark.slow
def test_wrapped_data_sets_and_workers_started_otherwise(train, tiny_config):
    dataset = dict(type='RepeatDataset', times=2, dataset=tiny_config.train_dataloader.dataset)
    tiny_config.train_dataloader.dataset = dataset
    tiny_config.train_cfg.max_epochs = 2
    _, anew = train('anew', persistent_workers=False)
    _, spawned = train('spawned', persistent_workers=True, multiprocessing_context='spawn')
    assert anew == spawned


@pytest.mark.slow
def test_other_worker_functions_are_left_alone(train, tiny_config):
    tiny_config.train_cfg.max_epochs = 1
    tiny_config.train_dataloader.pop('worker_init_fn')
    assert train('persistent', persistent_workers=True)[1] == train('anew', persistent_workers=False)[1]


def test_loops_without_epochs_seed_their_workers_once(train, tiny_config):
    tiny_config.train_cfg = dict(by_epoch=False, max_iters=4, val_interval=10)
    tiny_config.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    tiny_config.log_processor.by_epoch = False
    tiny_config.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=4)
    _, inputs = train('iterations', persistent_workers=True)
    assert len(set(inputs)) == 4
