"""From the command line of a tool to its Runner."""

import argparse
import difflib
import inspect
import os.path as osp

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmtscam.utils.arguments import is_number
from mmtscam.utils.cli import set_local_rank
from mmtscam.utils.config import read_config, type_name
from mmtscam.utils.external_configs import drop_function_scopes
from mmtscam.utils.files import check_writable

from .careful_runner import CarefulRunner
from .launch import end_at_once, join_on_cpus, prepare_cpu_distributed
from .loaders import end_idle_persistence
from .memory import keep_freed_memory
from .precision import amp_dtype


def runner_config(args: argparse.Namespace) -> Config:
    """Load the config of a tool and merge the shared flags into it; join the other processes first.

    Args:
        args: Has ``config`` and what
            :func:`~mmtscam.utils.cli.add_runner_arguments` adds.

    Returns:
        The config; its ``work_dir`` is set.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    set_local_rank(args)
    join_on_cpus(args.launcher)
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    # Priority: command line, config, name of the config.
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('work_dirs', osp.splitext(osp.basename(args.config))[0])
    return cfg


def evaluation_config(args: argparse.Namespace) -> Config:
    """Load the config of a tool that evaluates a checkpoint.

    Args:
        args: The same as for :func:`runner_config`, and ``checkpoint``.

    Returns:
        The config, which loads the checkpoint and computes in mixed precision
        if ``args.amp`` says so.

    Raises:
        FileNotFoundError: If config or checkpoint is missing.
        ValueError: If the config cannot be read.
    """
    cfg = runner_config(args)
    if not osp.isfile(args.checkpoint) and '://' not in args.checkpoint:
        raise FileNotFoundError(f'{args.checkpoint}: checkpoint not found')
    cfg.load_from = args.checkpoint
    if args.amp:
        use_amp_for_test(cfg)
    return cfg


def use_amp_for_training(cfg: Config) -> None:
    """Let a config's training compute in mixed precision, see :func:`~mmtscam.engine.precision.amp_dtype`."""
    if amp_dtype() == torch.bfloat16:
        cfg.optim_wrapper.type = 'mmtscam.Bf16OptimWrapper'
        for name in ('loss_scale', 'dtype', 'use_fsdp'):  # of AmpOptimWrapper
            cfg.optim_wrapper.pop(name, None)
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def use_amp_for_test(cfg: Config) -> None:
    """Let a config's test compute in mixed precision."""
    cfg.test_cfg.setdefault('type', 'mmtscam.LocTestLoop')
    cfg.test_cfg.fp16 = True


def _check_start(cfg: Config) -> None:
    """Refuse a local checkpoint to start from, or to resume, that is not there."""
    file = cfg.get('load_from')
    if not isinstance(file, str | None):
        raise ValueError(f'load_from must name a file or be None, got {file!r}')
    if file and '://' not in file and not osp.isfile(file):
        if cfg.get('resume'):
            raise FileNotFoundError(f'{file}: checkpoint not found, which is to be resumed: name one that is there')
        raise FileNotFoundError(
            f'{file}: checkpoint not found, from which load_from says to start: train it first, or set load_from to '
            'where it lies (--cfg-options load_from=FILE)'
        )


def _check_place(cfg: Config) -> None:
    """Refuse a work directory that cannot be written."""
    if cfg.get('work_dir'):
        check_writable(cfg.work_dir, is_folder=True)


def _check_length(cfg: Config) -> None:
    """Refuse a training of no step, after which mmengine ends without a word, and parts of an epoch."""
    for name in ('max_epochs', 'max_iters', 'val_interval'):
        value = (cfg.get('train_cfg') or {}).get(name)
        if value is not None and not (is_number(value) and value >= 1 and value == int(value)):
            raise ValueError(f'train_cfg.{name} must be a whole number of at least 1, got {value!r}')


def _check_schedule(cfg: Config) -> None:
    """Refuse a schedule that begins when the training is over, on which mmengine says little."""
    epochs = (cfg.get('train_cfg') or {}).get('max_epochs')
    schedules = cfg.get('param_scheduler') or []
    if not isinstance(schedules, dict | list | tuple):
        raise ValueError(f'param_scheduler must be a dict or a list of them, got {schedules!r}')
    for index, schedule in enumerate([schedules] if isinstance(schedules, dict) else schedules):
        begin = schedule.get('begin', 0) if isinstance(schedule, dict) and schedule.get('by_epoch', True) else 0
        if epochs and begin >= epochs:
            raise ValueError(
                f'param_scheduler[{index}], {type_name(schedule["type"])}, begins after {begin} epochs, but '
                f'train_cfg.max_epochs is {epochs}: train for longer, or set param_scheduler to [] for a '
                'constant learning rate'
            )


def _misspelt(cfg: Config) -> list[tuple[str, str]]:
    """Names at the top of a config that are nearly those of the Runner's settings, and these.

    mmengine takes them for variables of the config, without a word.
    """
    settings = list(inspect.signature(Runner).parameters)
    unknown = [name for name in cfg if name not in settings]
    # The most alike of 310 names in the configs of mmdet and mmpretrain, val_evaluator_abs, reaches 0.87.
    near = [(name, difflib.get_close_matches(name, settings, n=1, cutoff=0.88)) for name in unknown]
    return [(name, found[0]) for name, found in near if found]


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config, on GPUs or CPUs, distributed or not.

    Raises:
        FileNotFoundError: If the checkpoint to start from is missing.
        OSError: If the work directory cannot be written.
        ModuleNotFoundError: If the config needs mmcv's compiled operators and
            they are not there.
        ValueError: If the training has no step, or a schedule begins after
            the last epoch.
    """
    _check_start(cfg)
    _check_place(cfg)
    _check_length(cfg)
    _check_schedule(cfg)
    if cfg.launcher != 'none':
        end_at_once()
    if get_device() == 'cpu':
        keep_freed_memory()
    prepare_cpu_distributed(cfg)
    end_idle_persistence(cfg)
    drop_function_scopes(cfg)
    try:
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else CarefulRunner.from_cfg(cfg)
    except ModuleNotFoundError as error:
        if error.name != 'mmcv._ext':
            raise
        raise ModuleNotFoundError(
            'this config needs the compiled operators of mmcv, which mmcv-lite lacks: install mmcv in its place '
            '(pip uninstall mmcv-lite; pip install --no-build-isolation "mmcv>=2.1.0,<2.2")',
            name=error.name,
        ) from error
    for name, setting in _misspelt(cfg):
        runner.logger.warning(f'the config sets {name}, which is no setting of the Runner: did you mean {setting}?')
    return runner
