import argparse

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import LOOPS, DefaultScope
from torch import nn

from mmtscam.engine import Bf16OptimWrapper, LocTestLoop, runner


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


@pytest.fixture
def tool_args(tmp_path, monkeypatch):
    """The arguments that a tool has read, for a config with these lines."""
    monkeypatch.setenv('LOCAL_RANK', '0')

    def tool_args(*lines, **flags):
        config = tmp_path / 'mine.py'
        config.write_text('\n'.join(lines))
        defaults = dict(config=str(config), work_dir=None, cfg_options=None, launcher='none', local_rank=0)
        return argparse.Namespace(**{**defaults, **flags})

    return tool_args


@pytest.mark.parametrize(
    ('lines', 'flag', 'expected'),
    [
        ([], None, 'work_dirs/mine'),
        (['work_dir = None'], None, 'work_dirs/mine'),
        (['work_dir = "of_config"'], None, 'of_config'),
        (['work_dir = "of_config"'], 'of_flag', 'of_flag'),
        ([], 'of_flag', 'of_flag'),
    ],
)
def test_the_folder_of_a_run(tool_args, lines, flag, expected):
    assert runner.runner_config(tool_args(*lines, work_dir=flag)).work_dir == expected


def test_settings_of_the_command_line(tool_args):
    options = {'a.b': 2, 'work_dir': 'of_options'}
    args = tool_args('a = dict(b=1, c=3)', 'launcher = "slurm"', cfg_options=options)
    cfg = runner.runner_config(args)
    assert (cfg.a, cfg.work_dir, cfg.launcher) == (dict(b=2, c=3), 'of_options', 'none')


def test_a_config_that_cannot_be_read(tool_args):
    with pytest.raises(ValueError, match=r'mine\.py: cannot be read: '):
        runner.runner_config(tool_args('a = ('))
    with pytest.raises(FileNotFoundError, match=r'none\.py: config file not found'):
        runner.runner_config(tool_args(config='none.py'))


def test_a_checkpoint_to_start_from_that_is_missing(tiny_config):
    tiny_config.load_from = 'nowhere/epoch_30.pth'
    with pytest.raises(FileNotFoundError, match=r'^nowhere/epoch_30.pth: checkpoint not found, from which load_from'):
        runner.build_runner(tiny_config)


def test_a_checkpoint_to_resume_that_is_missing(tiny_config):
    tiny_config.update(load_from='nowhere/epoch_3.pth', resume=True)
    with pytest.raises(FileNotFoundError) as caught:
        runner.build_runner(tiny_config)
    assert str(caught.value) == (
        'nowhere/epoch_3.pth: checkpoint not found, which is to be resumed: name one that is there'
    )


def test_a_schedule_that_begins_after_the_end(tiny_config):
    tiny_config.param_scheduler = [dict(type='LinearLR', end=5), dict(type='CosineAnnealingLR', begin=5)]
    with pytest.raises(ValueError, match=r'^param_scheduler\[1\], CosineAnnealingLR, begins after 5 epochs'):
        runner.build_runner(tiny_config)
    # In iterations it may.
    tiny_config.param_scheduler = [dict(type='LinearLR', by_epoch=False, begin=5, end=6)]
    tiny_config.launcher = 'none'
    runner.build_runner(tiny_config)


def test_a_place_that_cannot_be_written(tiny_config):
    tiny_config.launcher, tiny_config.work_dir = 'none', '/proc/nowhere'
    with pytest.raises(OSError, match=r'^/proc/nowhere: cannot be written \(.*\): name another place$'):
        runner.build_runner(tiny_config)


@pytest.mark.parametrize('name', ['max_epochs', 'max_iters', 'val_interval'])
@pytest.mark.parametrize('value', [0, -1, 1.5, 'one', True, float('nan')])
def test_a_training_of_no_whole_number_of_steps(tiny_config, name, value):
    tiny_config.launcher = 'none'
    tiny_config.train_cfg[name] = value
    with pytest.raises(ValueError, match=f'^train_cfg.{name} must be a whole number of at least 1, got {value!r}$'):
        runner.build_runner(tiny_config)


@pytest.mark.parametrize(
    ('key', 'setting'), [('custom_hook', 'custom_hooks'), ('train_cgf', 'train_cfg'), ('lr', None)]
)
def test_a_misspelt_setting(tiny_config, capfd, key, setting):
    tiny_config.launcher = 'none'
    tiny_config[key] = []
    runner.build_runner(tiny_config)
    said = ''.join(capfd.readouterr())
    assert (f'the config sets {key}, which is no setting of the Runner: did you mean {setting}?' in said) == bool(
        setting
    )
    assert ('which is no setting of the Runner' in said) == bool(setting)
