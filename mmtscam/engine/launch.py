"""Process groups for runs on CPUs, and for tools without a Runner."""

import signal
from datetime import timedelta

import torch
import torch.distributed as torch_dist
import torch.multiprocessing as mp
from mmengine.config import Config
from mmengine.dist import init_dist

from mmtscam.utils.peers import watch_peers


def end_at_once() -> None:
    """Let SIGTERM end this process at once, as a launcher expects that ends the others after one has failed.

    In an exchange with the others Python hears of no signal, and the one that
    failed is not there to end it.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def prepare_cpu_distributed(cfg: Config) -> None:
    """Let the Runner run distributed on CPUs, with gloo.

    mmengine's launchers pick a CUDA device, and its model wrapper names one.
    Where there is no GPU, this function starts the process group from the
    environment that ``torchrun`` sets, and tells the wrapper to name no
    device. It does nothing where there is a GPU or no launcher is used.

    Args:
        cfg: The Runner's config; changed in place.

    Raises:
        ValueError: If the launcher is another than ``pytorch``.
    """
    join_on_cpus(cfg.launcher)
    if cfg.launcher == 'none' or torch.cuda.is_available():
        return
    cfg.setdefault('env_cfg', {})['dist_cfg'] = dict(backend='gloo')
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)


def join_on_cpus(launcher: str) -> None:
    """Join the processes of a launcher, before anything can fail in one of them alone.

    It does nothing where there is a GPU or no launcher is used, or the second
    time. With GPUs it is the Runner that joins, since its config says how.

    Args:
        launcher: ``'none'`` or ``'pytorch'``.

    Raises:
        ValueError: If there is no GPU and the launcher is another.
    """
    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher != 'pytorch':
        raise ValueError(f'no GPU found: without one the launcher must be pytorch, not {launcher}')
    if not torch_dist.is_initialized():
        torch_dist.init_process_group('gloo')
    watch_peers()


def start_processes(launcher: str, patience: timedelta) -> torch_dist.ProcessGroup | None:
    """Join the processes of a launcher in a tool without a Runner, for small exchanges.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        patience: How long a barrier of the group waits for the slowest
            process.

    Returns:
        A group of all processes, for barriers at the end of long work;
        ``None`` without a launcher.

    Raises:
        ValueError: If there is no GPU and the launcher is another than
            ``pytorch``.
    """
    if launcher == 'none':
        return None
    end_at_once()
    if torch.cuda.is_available():
        if mp.get_start_method(allow_none=True) is None:
            mp.set_start_method('fork')  # as the Runner: loaders share what they read from, instead of copies
        init_dist(launcher, backend='gloo')
        watch_peers()
    join_on_cpus(launcher)
    return torch_dist.new_group(backend='gloo', timeout=patience)
