"""What the configs of data loaders need."""

import ctypes
import signal
import sys

from mmengine.config import Config
from torch.utils.data import get_worker_info

_PR_SET_PDEATHSIG = 1


def end_idle_persistence(cfg: Config) -> None:
    """Let loaders without workers pass: PyTorch refuses to have none that persist.

    So ``train_dataloader.num_workers=0`` alone is enough.

    Args:
        cfg: Config of a Runner; changed in place.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, dict) and loader.get('persistent_workers') and not loader.get('num_workers'):
            loader['persistent_workers'] = False


def end_with_parent(worker_id: int = 0) -> None:
    """Let a loader's worker be killed when the process that reads from it dies; a ``worker_init_fn``.

    PyTorch's workers notice it and then wait for their last batch to be taken,
    if it is larger than a pipe holds: for ever. On Linux alone.

    Args:
        worker_id: Not used.
    """
    if get_worker_info() is not None and sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
