"""Lets PyTorch's protected loading read mmengine's checkpoints, and keeps mmengine from loading without it."""

import argparse
import pickle
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from numpy._core.multiarray import _reconstruct, scalar

from mmtscam.requirements import SUPPORTED, installed_versions

_STATISTICS = ('mean', 'max', 'min', 'current')


def _statistics_method(owner: Any, name: str) -> Any:
    """Stand in for ``getattr`` while unpickling, for HistoryBuffer's statistics and nothing else.

    A pickled ``HistoryBuffer`` refers to its statistics by ``getattr``. The
    real ``getattr`` would give access to any attribute of any object.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'the checkpoint asks for attribute {name!r} of {owner!r}: not loaded')
    return getattr(owner, name)


def allow_mmengine_checkpoints() -> None:
    """Allow the few harmless classes that mmengine's message hub and authors store in a checkpoint.

    From PyTorch 2.6 on ``torch.load`` unpickles only types that are known to
    be harmless. mmengine's checkpoints hold ``HistoryBuffer`` objects with
    NumPy arrays. With these types on PyTorch's list, the checkpoints load
    under that protection.
    """
    dtypes = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            argparse.Namespace,
            (_statistics_method, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            *(type(np.dtype(dtype)) for dtype in dtypes),
            # NumPy 1 and 2 write the same functions under different names.
            *((_reconstruct, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
            *((scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
        ]
    )


def refuse_unprotected_loading() -> None:
    """Let mmengine's fork refuse what the original refuses.

    ``onedl-mmengine`` allows the real ``getattr`` while it unpickles, and loads
    a file once more without protection where the first try was refused.
    PyTorch's own default, from 2.6 on, is protection.
    """
    if 'onedl-mmengine' in installed_versions(SUPPORTED['mmengine']):
        from mmengine.runner import checkpoint

        checkpoint._safe_torch_load = torch.load
