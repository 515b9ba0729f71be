"""Reading files of weights: PyTorch's and safetensors, from a path or a URL."""

import os
import os.path as osp
import pickle
import re
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse
from zipfile import ZipFile, is_zipfile

import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file
from torch import Tensor

from mmtscam.utils.environment import environment_variable
from mmtscam.utils.safe_loading import check_archive

# Where a config names a backbone's weights.
BACKBONE_SETTING = 'model.backbone.init_cfg.checkpoint'
# Keys under which files have their parameters. DINO and DINOv2 keep the network that they release as the teacher.
_WRAPPERS = ('model', 'state_dict', 'teacher')
# PyTorch's wrappers of a model put these into names: DataParallel, torch.compile, FSDP, activation checkpointing.
_WRAPPED = re.compile(r'^(module\.|_orig_mod\.)+|(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.')
# The part of a file's hash that PyTorch looks for in its name.
_HASH = re.compile(r'-([a-f0-9]{8,})\.')


def read_content(checkpoint: str, setting: str = BACKBONE_SETTING) -> Any:
    """Read a file; only tensors and plain data are unpickled.

    Args:
        checkpoint: Local path or URL of a file of PyTorch or safetensors, or
            an address that mmengine knows, such as ``torchvision://resnet50``.
        setting: The setting of a config that names the file, for errors.

    Returns:
        The content of a PyTorch file, the tensors of a safetensors file by
        name.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read; says why.
    """
    if checkpoint.startswith(('http://', 'https://')):
        return _load(_download(checkpoint, setting))
    if '://' in checkpoint:
        try:
            # mmengine asks PyTorch to unpickle anything.
            with environment_variable('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1'):
                return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        except pickle.UnpicklingError as error:
            raise _unreadable(checkpoint, b'', error) from error
    path = osp.expanduser(checkpoint)
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'pretrained weights not found: put the file at {osp.abspath(path)}, or set {setting} '
            'to the path of another'
        )
    return _load(path)


def unwrap_state(content: Any) -> Any:
    """Parameters in a file's content, under the names that they have without PyTorch's wrappers of the model."""
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    return (
        {_WRAPPED.sub('', str(key)): value for key, value in content.items()} if isinstance(content, dict) else content
    )


def state_of(content: Any, file: str) -> dict[str, Tensor]:
    """Parameters of a file's content, and nothing else.

    Args:
        content: The result of :func:`read_content`.
        file: Its name, for errors.

    Returns:
        Name to tensor, without what PyTorch's wrappers of a model put before
        or into names.

    Raises:
        ValueError: If there are none, or other values among them.
    """
    state = unwrap_state(content)
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        keys = ', '.join(map(str, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
        raise ValueError(
            f'{file}: holds no state dict; expected parameters, bare or under "model", "state_dict" or "teacher", '
            f'found {keys or "nothing"}'
        )
    return state


def read_state(checkpoint: str, setting: str = BACKBONE_SETTING) -> dict[str, Tensor]:
    """Read the parameters of a file, with the names and values that it has.

    Args:
        checkpoint: The argument of :func:`read_content`.
        setting: The setting of a config that names the file, for errors.

    Returns:
        See :func:`state_of`.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or holds no parameters.
    """
    return state_of(read_content(checkpoint, setting), checkpoint)


def _load(path: str) -> Any:
    with Path(path).open('rb') as file:
        start = file.read(256)
    try:
        check_archive(path)
        damaged = damage(path)
        if not damaged:
            # The header of a safetensors file is JSON after its length of eight bytes.
            is_safetensors = start[8:9] == b'{'
            return load_file(path) if is_safetensors else torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # what is no file of weights fails in any way
        raise _unreadable(path, start, error) from error
    raise ValueError(f'{path}: not a file of weights that can be read safely: {damaged}')


def damage(path: str | os.PathLike) -> str | None:
    """Compare a file of PyTorch with its check sums, which PyTorch does not.

    Args:
        path: The file.

    Returns:
        Where it is damaged, in words; ``None`` if it is whole, or has no
        check sums, as files of safetensors and of PyTorch before 1.6.
    """
    if not is_zipfile(path):
        return None
    try:
        with ZipFile(path) as file:
            part = file.testzip()
    except Exception as error:  # each way to compress has errors of its own
        return f'it is damaged ({error}): get it once more'
    return f'it is damaged, its check sum of {part} is wrong: get it once more' if part else None


def _unreadable(file: str, start: bytes, error: Exception) -> ValueError:
    return ValueError(f'{file}: not a file of weights that can be read safely: {_reason(start, error)}')


def _reason(start: bytes, error: Exception) -> str:
    """Why a file cannot be read, in place of PyTorch's advice to run what is in it."""
    if found := re.search(r'GLOBAL (\S+)', str(error)):
        return (
            f'it holds a Python object, {found[1]}, and only tensors and plain data are read: store the state dict '
            'alone, with the code that made the file'
        )
    if start.startswith(b'version https://git-lfs'):
        return 'it is a pointer of Git LFS to the file: get the file itself with git lfs pull'
    if start.lstrip()[:1] == b'<':
        return 'it is a web page: download the file itself'
    if 'would grow' in str(error):
        return str(error)
    if 'TorchScript' in str(error):
        return 'it is a TorchScript program: store the state dict of the model that it was made from'
    return 'it is empty, torn or of another format than PyTorch and safetensors: get it once more'


def _download(url: str, setting: str) -> str:
    """The local copy of a file, which one process of a machine downloads."""
    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    name = osp.basename(urlparse(url).path)
    wanted = _HASH.search(name)
    if not wanted:  # model.safetensors: many files have such a name
        name = urlparse(url).path.strip('/').replace('/', '_')
    target = osp.join(folder, name)
    try:
        if int(os.environ.get('LOCAL_RANK', get_rank())) == 0 and not osp.isfile(target):
            os.makedirs(folder, exist_ok=True)
            torch.hub.download_url_to_file(url, target, wanted[1] if wanted else None)
    except (URLError, OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f'pretrained weights cannot be downloaded from {url} ({error}): get {osp.basename(urlparse(url).path)} '
            f'elsewhere and put it at {target}, or set {setting} to the path of a local copy'
        ) from error
    finally:
        barrier()
    if not osp.isfile(target):
        raise FileNotFoundError(f'{target}: not there, since the first process could not download {url}')
    return target
