"""Corrections of data loaders' configs, and the end of their workers."""

import ctypes
import signal
import sys

from mmengine.config import Config
from torch.utils.data import get_worker_info

_PR_SET_PDEATHSIG = 1


def end_idle_persistence(cfg: Config) -> None:
    """Switch ``persistent_workers`` off in loaders without workers, which PyTorch would refuse.

    A user can then set ``train_dataloader.num_workers=0`` alone.

    Args:
        cfg: Config of a Runner; changed in place.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, dict) and loader.get('persistent_workers') and not loader.get('num_workers'):
            loader['persistent_workers'] = False


def end_with_parent(worker_id: int = 0) -> None:
    """Let the system kill a loader's worker when the process that reads from it dies; a ``worker_init_fn``.

    PyTorch's workers notice that death, but first wait until their last batch
    is taken. If it is larger than a pipe holds, they wait for ever. This works
    on Linux alone.

    Args:
        worker_id: Not used.
    """
    if get_worker_info() is not None and sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
