"""Loading of pretrained weights, including the original files of DeiT and Conformer."""

import os
import os.path as osp
from typing import Any, TypeGuard
from urllib.error import URLError

import torch
from mmengine.dist import barrier, get_rank
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn

from .conversion import from_reference, is_reference

# Parts of TSCAMHead, and the classifiers that they may start from: that of TS-CAM,
# that of Conformer, and that of DeiT under our name and under mmpretrain's.
_CLASSIFIERS = {'conv': ('conv', 'trans_cls_head', 'fc', 'layers.head'), 'fc': ('fc', 'conv_cls_head', 'layers.head')}

# Where a config names a backbone's weights.
BACKBONE_SETTING = 'model.backbone.init_cfg.checkpoint'


def _read(checkpoint: str, setting: str) -> Any:
    """Read a checkpoint from a path or URL; only tensors and plain data are unpickled."""
    if not checkpoint.startswith(('http://', 'https://')):
        path = osp.expanduser(checkpoint)
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'pretrained weights not found: put the file at {osp.abspath(path)}, or set {setting} '
                'to the path of another'
            )
        try:
            return torch.load(path, map_location='cpu', weights_only=True)
        except Exception as error:  # what is no checkpoint fails in any way
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
                f'{osp.basename(checkpoint)} elsewhere and put it at {target}, or set {setting} to the '
                'path of a local copy'
            ) from error

    # One process of a machine downloads; the others find the file.
    if int(os.environ.get('LOCAL_RANK', get_rank())) == 0:
        try:
            return load()
        finally:
            barrier()
    barrier()
    return load()


def unwrap_state(content: Any) -> Any:
    """Parameters in a checkpoint's content: under ``"model"`` or ``"state_dict"``, if it has one of these."""
    for wrapper in ('model', 'state_dict'):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    return content


def read_state(checkpoint: str, setting: str = BACKBONE_SETTING) -> dict[str, Tensor]:
    """Read the parameters of a file without changing names or values.

    Args:
        checkpoint: Local path or URL of a checkpoint with parameters under
            ``"model"`` or ``"state_dict"``, or of a bare state dict.
        setting: The setting of a config that names the file, for errors.

    Returns:
        Name to tensor, without ``module.`` of DataParallel.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or holds no parameters.
    """
    content = unwrap_state(_read(checkpoint, setting))
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f'{checkpoint}: holds no state dict; expected parameters under "model" or "state_dict"')
    return {key.removeprefix('module.'): value for key, value in content.items()}


def read_weights(checkpoint: str, setting: str = BACKBONE_SETTING) -> dict[str, Tensor]:
    """Read the parameters of a file of any of three kinds.

    The kinds are an original file of DeiT, Conformer or TS-CAM
    (``{'model': ...}`` or ``{'state_dict': ...}``), a checkpoint of mmengine,
    and a bare state dict, each in fp16 or fp32.

    Args:
        checkpoint: Local path or URL.
        setting: The setting of a config that names the file, for errors.

    Returns:
        Parameters in ``float32``. Their names begin with ``backbone.`` and
        ``head.`` where the file holds a whole model, else they are those of
        the file.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read, holds no parameters, or holds
            those of a model that cannot be used here.
    """
    state = read_state(checkpoint, setting)
    if is_reference(state):
        try:
            state = from_reference(state)
        except ValueError as error:
            raise ValueError(f'{checkpoint}: {error}') from error
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def load_pretrained(backbone: nn.Module, checkpoint: str) -> None:
    """Load all parameters of a backbone from a file that :func:`read_weights` reads.

    Position embeddings of another size are interpolated by the backbone. Left
    out are the classifier of a whole VGG or ResNet, InceptionV3's auxiliary
    one, a final norm that the backbone has not, and DINOv2's token for masked
    patches.

    Args:
        backbone: A backbone with mmpretrain's names. Parameters that its
            attribute ``new_parameters`` names stay as they are where the file
            has none of them.
        checkpoint: Local path or URL.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or does not hold exactly this
            backbone.
    """
    state = read_weights(checkpoint)
    if any(key.startswith('backbone.') for key in state):
        state = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    parts = {key.partition('.')[0] for key in backbone.state_dict()}
    surplus = {'fc', 'classifier', 'AuxLogits', 'ln1', 'mask_token'} - parts
    state = {key: value for key, value in state.items() if key.partition('.')[0] not in surplus}
    new = list(getattr(backbone, 'new_parameters', ()))
    if not any(name in state for name in new):
        own = backbone.state_dict()
        state |= {name: own[name] for name in new}
    try:
        backbone.load_state_dict(state)
    except (RuntimeError, AssertionError) as error:
        advice = 'name another file'
        settings = getattr(backbone, 'arch_settings', {})
        if 'embed_dims' in settings:  # a transformer
            advice = f'it has {settings}: set model.backbone.arch to that of the file, or {advice}'
        raise ValueError(
            f'{checkpoint}: holds another architecture than this {type(backbone).__name__}; {advice}. '
            f'First differences: {" ".join(str(error).split())[:400]}'
        ) from error


def load_classifier(head: nn.Module, checkpoint: str) -> list[str]:
    """Start a head from those parameters of a pretrained classifier that fit.

    The released code does this where the classes are as many as in the file
    (the 1000 of ILSVRC): the bias of the convolution is that of DeiT's
    classifier, and Conformer's convolutional branch keeps its classifier.

    Args:
        head: A head whose parameters are named as those of
            :class:`~mmtscam.models.TSCAMHead`.
        checkpoint: Local path or URL.

    Returns:
        The names of the parameters that were taken.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or nothing in it fits.
    """
    state = {
        key.removeprefix('head.'): value
        for key, value in read_weights(checkpoint, 'model.head.init_classifier').items()
    }
    taken = []
    for name, parameter in head.named_parameters():
        module, _, rest = name.partition('.')
        found = (state.get(f'{source}.{rest}') for source in _CLASSIFIERS.get(module, ()))
        value = next((value for value in found if value is not None), None)
        if value is not None and value.shape == parameter.shape:
            parameter.data.copy_(value)
            taken.append(name)
    if not taken:
        raise ValueError(f'{checkpoint}: its classifier has no parameter of the shape of one of {type(head).__name__}')
    return taken


def is_pretrained(init_cfg: Any) -> TypeGuard[dict]:
    """Whether an ``init_cfg`` asks for the weights of a checkpoint, by name or, as new-style configs do, by class."""
    return isinstance(init_cfg, dict) and init_cfg.get('type') in ('Pretrained', PretrainedInit)


class PretrainedMixin(BaseModule):
    """Backbones whose ``init_cfg=dict(type='Pretrained', checkpoint=...)`` takes every file that we can read."""

    def init_weights(self) -> None:
        """Initialise, or load the pretrained weights that ``init_cfg`` names.

        Raises:
            ValueError: If ``init_cfg`` asks for more than a checkpoint.
        """
        if not is_pretrained(self.init_cfg):
            super().init_weights()
        elif set(self.init_cfg) != {'type', 'checkpoint'}:
            raise ValueError(f'init_cfg of {type(self).__name__} takes a checkpoint alone, got {self.init_cfg}')
        elif not self.is_init:
            load_pretrained(self, self.init_cfg['checkpoint'])
            self._is_init = True
