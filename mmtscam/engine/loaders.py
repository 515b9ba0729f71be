"""Corrections of data loaders' configs, and the end of their workers."""

import ctypes
import signal
import sys
from types import TracebackType

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
    """Let a loader's worker end with the process that reads from it, and quietly; a ``worker_init_fn``.

    PyTorch's workers notice that process's death, but first wait until their
    last batch is taken. If it is larger than a pipe holds, they wait for ever.
    So the system kills them, on Linux. A worker hands tensors over in a thread
    that prints a traceback where the reader is interrupted meanwhile; the
    reader says itself that it was.

    Args:
        worker_id: Not used.
    """
    if get_worker_info() is None:
        return
    sys.excepthook = _print_unless_cut_off
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _print_unless_cut_off(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, EOFError | ConnectionError):
        sys.__excepthook__(kind, error, trace)
