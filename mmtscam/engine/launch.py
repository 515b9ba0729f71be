"""Distributed runs without a GPU."""

import torch
import torch.distributed as torch_dist
from mmengine.config import Config


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
    if cfg.launcher != 'pytorch':
        raise ValueError(f'no GPU found, and without one only --launcher pytorch works, not {cfg.launcher}')
    if not torch_dist.is_initialized():
        torch_dist.init_process_group('gloo')
    cfg.setdefault('env_cfg', {})['dist_cfg'] = dict(backend='gloo')
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
