"""Distributed runs without a GPU."""

from datetime import timedelta

import torch
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.dist import init_dist


def prepare_cpu_distributed(cfg: Config) -> None:
    """Let the Runner run distributed on CPUs, with gloo.

    mmengine's launchers pick a CUDA device and its model wrapper names one.
    Where there is none, the process group is started here, from the
    environment that ``torchrun`` sets, and the wrapper is told to name none.
    Does nothing where a GPU is or where no launcher is used.

    Args:
        cfg: The Runner's config; changed in place.

    Raises:
        ValueError: If the launcher is another than ``pytorch``.
    """
    if cfg.launcher == 'none' or torch.cuda.is_available():
        return
    _start_gloo(cfg.launcher)
    cfg.setdefault('env_cfg', {})['dist_cfg'] = dict(backend='gloo')
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)


def start_processes(launcher: str, timeout: timedelta) -> None:
    """Join the processes of a launcher where there is no Runner; they exchange nothing but barriers.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        timeout: How long a process waits for the others at most.

    Raises:
        ValueError: If there is no GPU and the launcher is another than
            ``pytorch``.
    """
    if launcher == 'none':
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend='gloo', timeout=timeout.total_seconds())
    else:
        _start_gloo(launcher, timeout)


def _start_gloo(launcher: str, timeout: timedelta | None = None) -> None:
    if launcher != 'pytorch':
        raise ValueError(f'no GPU found, and without one only --launcher pytorch works, not {launcher}')
    if not torch_dist.is_initialized():
        torch_dist.init_process_group('gloo', timeout=timeout)
