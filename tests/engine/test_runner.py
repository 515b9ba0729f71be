import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import LOOPS, DefaultScope
from torch import nn

from mmtscam.engine import Bf16OptimWrapper, LocTestLoop
from mmtscam.engine import runner


@pytest.fixture(params=['mmtscam', 'mmpretrain'])
def _scope(request):
    """The scope of a config of our own, and that of another one that builds on it."""
    with DefaultScope.overwrite_default_scope(request.param):
        yield


@pytest.mark.usefixtures('_scope')
@pytest.mark.parametrize(
    'wrapper', [dict(), dict(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic', use_fsdp=False)]
)
def test_amp_trains_in_bfloat16_whatever_the_config_has(wrapper, monkeypatch):
    monkeypatch.setattr(runner, 'amp_dtype', lambda: runner.torch.bfloat16)
    cfg = Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1), **wrapper)))
    runner.use_amp_for_training(cfg)
    assert type(build_optim_wrapper(nn.Linear(2, 2), cfg.optim_wrapper)) is Bf16OptimWrapper


def test_amp_scales_the_loss_in_float16(monkeypatch):
    monkeypatch.setattr(runner, 'amp_dtype', lambda: runner.torch.float16)
    cfg = Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1))))
    runner.use_amp_for_training(cfg)
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')


@pytest.mark.usefixtures('_scope')
def test_amp_tests_in_our_loop_or_in_that_of_the_config():
    cfg = Config(dict(test_cfg=dict()))
    runner.use_amp_for_test(cfg)
    assert LOOPS.get(cfg.test_cfg.type) is LocTestLoop
    assert cfg.test_cfg.fp16
    cfg = Config(dict(test_cfg=dict(type='TestLoop')))
    runner.use_amp_for_test(cfg)
    assert cfg.test_cfg == dict(type='TestLoop', fp16=True)
