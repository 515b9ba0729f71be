"""Converts checkpoint files between the released models' names and ours."""

import os
import os.path as osp
from pathlib import Path
from typing import Any

import torch

from mmtscam.utils.files import check_writable, file_sha256, unfinished
from mmtscam.version import __version__

from .conversion import ReferenceModel, from_reference, is_reference, reference_model, to_reference
from .files import read_state
from .layouts import authors_names


def reference_to_mmtscam(src: str | os.PathLike, dst: str | os.PathLike, force: bool = False) -> ReferenceModel:
    """Write a released checkpoint to a new file under our names, for ``tools/test.py`` and ``load_from``.

    Args:
        src: Original file of DeiT or Conformer, or a released one of TS-CAM,
            SAT or SCM.
        dst: File to write; its folder is created.
        force: Replace a file that is there.

    Returns:
        The model that the file holds.

    Raises:
        FileNotFoundError: If there is no source.
        FileExistsError: If there is a file at ``dst``.
        ValueError: If the source cannot be converted.
    """
    _check_paths(src, dst, force)
    state = read_state(os.fspath(src))
    if not is_reference(state) and any(name.startswith(('backbone.', 'head.')) for name in state):
        raise ValueError(f"{src}: has mmtscam's names already; mmtscam_to_reference.py converts the other way")
    try:
        state = authors_names(state)
        converted, model = from_reference(state), reference_model(state)
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
    _write(dst, {'state_dict': converted, 'meta': _origin(src, model)})
    return model


def mmtscam_to_reference(src: str | os.PathLike, dst: str | os.PathLike, force: bool = False) -> ReferenceModel:
    """Write a checkpoint of ours to a new file under the names of the released models.

    DeiT and Conformer are written under ``model``, as in their authors'
    files. TS-CAM, SAT and SCM are written under ``state_dict`` and with DataParallel's
    ``module.`` before each name, as in the released checkpoints.

    Args:
        src: Checkpoint of ``TSCAMDeiT``, ``SATDeiT`` or
            ``TSCAMConformer``.
        dst: File to write; its folder is created.
        force: Replace a file that is there.

    Returns:
        The model that the file holds.

    Raises:
        FileNotFoundError: If there is no source.
        FileExistsError: If there is a file at ``dst``.
        ValueError: If the source cannot be converted.
    """
    _check_paths(src, dst, force)
    state = read_state(os.fspath(src))
    if is_reference(state):
        raise ValueError(
            f'{src}: has the names of the released models already; reference_to_mmtscam.py converts the other way'
        )
    try:
        converted = to_reference(state)
        model = reference_model(converted)
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
    content = {'state_dict': {f'module.{name}': value for name, value in converted.items()}}
    _write(dst, {**(content if model.method else {'model': converted}), 'meta': _origin(src, model)})
    return model


def _check_paths(src: str | os.PathLike, dst: str | os.PathLike, force: bool) -> None:
    if not osp.isfile(src):
        raise FileNotFoundError(f'{src}: checkpoint not found')
    if osp.exists(dst) and osp.samefile(src, dst):
        raise FileExistsError(f'{dst}: is the source itself; name another file to write')
    check_writable(dst)
    if osp.exists(dst) and not force:
        raise FileExistsError(f'{dst}: exists already; name another file, or replace it with force=True')


def _origin(src: str | os.PathLike, model: ReferenceModel) -> dict[str, Any]:
    return {
        'mmtscam_version': __version__,
        'source': Path(src).name,
        'source_sha256': file_sha256(src),
        'model': str(model),
    }


def _write(dst: str | os.PathLike, content: dict) -> None:
    with unfinished(dst) as temporary:
        torch.save(content, temporary)
