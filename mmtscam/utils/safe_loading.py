"""Lets PyTorch's protected loading read mmengine's checkpoints, and keeps mmengine from loading without it."""

import argparse
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from numpy._core.multiarray import _reconstruct, scalar

from mmtscam.requirements import SUPPORTED, installed_versions

_STATISTICS = ('mean', 'max', 'min', 'current')
# Bytes by which compressed text, as in a TorchScript program, may grow.
_SLACK = 1 << 26
# Their names in NumPy's pickles.
_NUMBERS = ('f8', 'f4', 'i8', 'i4', 'b1')


def _statistics_method(owner: Any, name: str) -> Any:
    """Stand in for ``getattr`` while unpickling, for HistoryBuffer's statistics and nothing else.

    A pickled ``HistoryBuffer`` refers to its statistics by ``getattr``. The
    real ``getattr`` would give access to any attribute of any object.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'the checkpoint asks for attribute {name!r} of {owner!r}: not loaded')
    return getattr(owner, name)


def _number_type(name: str, *_: bool) -> np.dtype:
    """Stand in for ``numpy.dtype`` while unpickling, for plain numbers and nothing else.

    A dtype of one's own, such as ``numpy.dtype`` gives when it is to be a
    copy, takes fields from a pickle that lie outside the memory of an array.
    NumPy's own dtypes, which are returned here, take nothing.
    """
    if name not in _NUMBERS:
        raise pickle.UnpicklingError(f'the checkpoint has an array of {name!r}: not loaded')
    return np.dtype(name)


def check_archive(path: str | os.PathLike) -> None:
    """Refuse a checkpoint that grows beyond its size when it is read.

    PyTorch does not compress the tensors that it saves.

    Args:
        path: Path of a file that exists.

    Raises:
        ValueError: If the members of the archive have far more bytes than
            the file; a file that is no archive passes.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        return  # PyTorch says what is wrong
    if size > Path(path).stat().st_size + _SLACK:
        raise ValueError(f'it is compressed, and would grow to {size} bytes: store it uncompressed, as torch.save does')


def allow_mmengine_checkpoints() -> None:
    """Allow the few harmless classes that mmengine's message hub and authors store in a checkpoint.

    From PyTorch 2.6 on ``torch.load`` unpickles only types that are known to
    be harmless. mmengine's checkpoints hold ``HistoryBuffer`` objects with
    NumPy arrays. With these types on PyTorch's list, the checkpoints load
    under that protection.
    """
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            argparse.Namespace,
            (_statistics_method, 'builtins.getattr'),
            np.ndarray,
            (_number_type, 'numpy.dtype'),
            *(type(np.dtype(name)) for name in _NUMBERS),
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
