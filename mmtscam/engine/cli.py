"""What the command-line tools share."""

import argparse
import os
import os.path as osp

import torch
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmtscam.external_configs import drop_function_scopes

from .launch import prepare_cpu_distributed
from .loaders import end_idle_persistence
from .memory import keep_freed_memory
from .precision import amp_dtype


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every tool that starts a Runner has."""
    parser.add_argument('--work-dir', help='folder for logs and results (default: work_dirs/CONFIG_NAME)')
    parser.add_argument(
        '--amp', action='store_true', help='use mixed precision: bfloat16, or float16 on GPUs that lack it'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config: a.b=1, a.c="[1,2]" (no white space)',
    )
    add_launcher_arguments(parser)


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every tool that runs in several processes."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    # Some launchers pass it beside the environment variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_local_rank(args: argparse.Namespace) -> None:
    """Set ``LOCAL_RANK`` where the launcher has not: mmengine reads it, and MPI names it otherwise."""
    os.environ.setdefault('LOCAL_RANK', os.environ.get('OMPI_COMM_WORLD_LOCAL_RANK', str(args.local_rank)))


def load_config(args: argparse.Namespace) -> Config:
    """Load the config of a tool and merge the shared flags into it.

    Args:
        args: Has ``config`` and what :func:`add_runner_arguments` adds.

    Returns:
        The config; its ``work_dir`` is set.
    """
    set_local_rank(args)
    if not osp.isfile(args.config):
        raise SystemExit(f'{args.config}: config file not found')
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    # Priority: command line, config, name of the config.
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('work_dirs', osp.splitext(osp.basename(args.config))[0])
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


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config, on GPUs or CPUs, distributed or not."""
    if get_device() == 'cpu':
        keep_freed_memory()
    prepare_cpu_distributed(cfg)
    end_idle_persistence(cfg)
    drop_function_scopes(cfg)
    try:
        return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    except ModuleNotFoundError as error:
        if error.name != 'mmcv._ext':
            raise
        raise SystemExit(
            'This config needs compiled mmcv: run `bash tools/run_tests.sh --mmdet` and `. .venv-mmdet/bin/activate`'
        ) from error
