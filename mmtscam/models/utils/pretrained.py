"""Loads pretrained backbones, original DeiT files among them."""

import os
import os.path as osp
import pickle
import re
from typing import Any
from urllib.error import URLError

import torch
from mmengine.dist import barrier, get_rank
from torch import Tensor, nn

# Original DeiT (timm) names to mmpretrain's.
_DEIT_TO_MMPRETRAIN = (
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
    (r'^blocks\.(\d+)\.norm(\d)\.', r'layers.\1.ln\2.'),
    (r'^blocks\.(\d+)\.mlp\.fc1\.', r'layers.\1.ffn.layers.0.0.'),
    (r'^blocks\.(\d+)\.mlp\.fc2\.', r'layers.\1.ffn.layers.1.'),
    (r'^blocks\.', 'layers.'),
    (r'^norm\.', 'ln1.'),
)


def convert_deit_keys(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename an original DeiT backbone's parameters to mmpretrain's names.

    The classifier (``head``) is left out; names that are mmpretrain's already
    stay as they are.

    Args:
        state_dict: Parameters under original (timm) names.

    Returns:
        The same tensors under mmpretrain's names.
    """
    converted = {}
    for key, value in state_dict.items():
        if key.startswith('head.'):
            continue
        for pattern, replacement in _DEIT_TO_MMPRETRAIN:
            key = re.sub(pattern, replacement, key)
        converted[key] = value
    return converted


def _read(checkpoint: str) -> Any:
    """Read a checkpoint from a path or URL; nothing but tensors and plain data is unpickled."""
    if not checkpoint.startswith(('http://', 'https://')):
        path = osp.expanduser(checkpoint)
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'pretrained weights not found: put the file at {osp.abspath(path)}, or name another with '
                '--cfg-options model.backbone.init_cfg.checkpoint=PATH'
            )
        try:
            return torch.load(path, map_location='cpu', weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise ValueError(f'{path}: not a file of weights that can be read safely: {error}') from error

    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    target = osp.join(folder, osp.basename(checkpoint))

    def load() -> Any:
        try:
            return torch.hub.load_state_dict_from_url(
                checkpoint, model_dir=folder, map_location='cpu', check_hash=True, weights_only=True
            )
        except (URLError, OSError) as error:
            raise FileNotFoundError(
                f'pretrained weights cannot be downloaded from {checkpoint} ({error}): get '
                f'{osp.basename(checkpoint)} elsewhere and put it at {target}, or name a local copy with '
                '--cfg-options model.backbone.init_cfg.checkpoint=PATH'
            ) from error

    # One process of a machine downloads, the others find the file.
    if int(os.environ.get('LOCAL_RANK', get_rank())) == 0:
        try:
            return load()
        finally:
            barrier()
    barrier()
    return load()


def load_pretrained(backbone: nn.Module, checkpoint: str) -> None:
    """Load all parameters of a backbone from a file of any of three kinds.

    An original DeiT file (``{'model': state_dict}``), a checkpoint of
    mmengine (``{'state_dict': ...}``, of which the ``backbone.`` part is
    taken) or a bare state dict; in fp16 or fp32. Position embeddings of
    another size are interpolated by the backbone.

    Args:
        backbone: A backbone with mmpretrain's VisionTransformer names.
        checkpoint: Local path or URL.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or does not hold exactly this
            backbone.
    """
    content = _read(checkpoint)
    for wrapper in ('model', 'state_dict'):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f'{checkpoint}: holds no state dict; expected parameters under "model" or "state_dict"')
    state = {key.removeprefix('module.'): value for key, value in content.items()}
    if any(key.startswith('backbone.') for key in state):
        state = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    if any(key.startswith('blocks.') for key in state):
        state = convert_deit_keys(state)

    try:
        backbone.load_state_dict({key: value.float() for key, value in state.items()})
    except (RuntimeError, AssertionError) as error:
        settings = getattr(backbone, 'arch_settings', {})
        raise ValueError(
            f'{checkpoint}: holds another architecture than {type(backbone).__name__} with {settings}; set '
            f'model.backbone.arch to that of the file, or name another file. First differences: '
            f'{" ".join(str(error).split())[:400]}'
        ) from error
