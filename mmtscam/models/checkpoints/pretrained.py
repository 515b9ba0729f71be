"""Loading of pretrained weights, whoever made them."""

import textwrap
from typing import Any, TypeGuard

from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn

from .conversion import our_names
from .differences import fitting_settings, seems
from .files import BACKBONE_SETTING, read_content, state_of
from .layouts import mmpretrain_vgg_names
from .trained_classes import TrainedClasses, classes_of

# Parts of TSCAMHead, and the classifiers that they may start from: that of TS-CAM,
# that of Conformer, and that of DeiT under our name and under mmpretrain's.
_CLASSIFIERS = {'conv': ('conv', 'trans_cls_head', 'fc', 'layers.head'), 'fc': ('fc', 'conv_cls_head', 'layers.head')}

# Names of parts that may follow a backbone in a file.
_SURPLUS = {'fc', 'classifier', 'head', 'pre_logits', 'AuxLogits', 'aux1', 'aux2', 'ln1', 'mask_token'}


def read_weights(checkpoint: str, setting: str = BACKBONE_SETTING) -> dict[str, Tensor]:
    """Read the parameters of a file and give them our names.

    It takes PyTorch's files and safetensors, under the names of DeiT,
    DINOv2, Conformer, TS-CAM, SAT and SCM, of timm, transformers, torchvision
    and mmpretrain, bare or in a checkpoint, in fp16 or fp32.

    Args:
        checkpoint: Local path or URL.
        setting: The setting of a config that names the file, for errors.

    Returns:
        See :func:`weights_of`.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read, holds no parameters, or holds
            those of a model that cannot be used here.
    """
    return weights_of(read_content(checkpoint, setting), checkpoint)


def weights_of(content: Any, file: str) -> dict[str, Tensor]:
    """Parameters of a file's content under our names.

    Args:
        content: The result of :func:`~.files.read_content`.
        file: Its name, for errors.

    Returns:
        Parameters in ``float32``. Their names begin with ``backbone.`` and
        ``head.`` where the file holds a whole model or a transformer, else
        they are those of the file.

    Raises:
        ValueError: If there are none, or those of a transformer that cannot
            be used here.
    """
    state = state_of(content, file)
    try:
        state = our_names(state)
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def load_pretrained(backbone: nn.Module, checkpoint: str) -> None:
    """Load all parameters of a backbone from a file that :func:`read_weights` reads.

    Position embeddings of another size are interpolated by the backbone. Left
    out are the classifier of a whole network, auxiliary ones, and a final
    norm that the backbone has not.

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
    load_backbone(backbone, read_weights(checkpoint), checkpoint)


def load_backbone(backbone: nn.Module, state: dict[str, Tensor], checkpoint: str) -> None:
    """Do the same as :func:`load_pretrained` with the parameters of a file that is read already."""
    if any(key.startswith('backbone.') for key in state):
        state = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    own = backbone.state_dict()
    if 'features.0.conv.weight' in own:
        state = mmpretrain_vgg_names(state)
    surplus = _SURPLUS - {key.partition('.')[0] for key in own}
    state = {key: value for key, value in state.items() if key.partition('.')[0] not in surplus}
    new = list(getattr(backbone, 'new_parameters', ()))
    if not any(name in state for name in new):
        state |= {name: own[name] for name in new}
    try:
        backbone.load_state_dict(state)
    except (RuntimeError, AssertionError) as error:
        settings = fitting_settings(backbone, state)
        raise ValueError(
            f'{checkpoint}: does not fit this {type(backbone).__name__}, it seems to be {seems(state)}; '
            f'{settings + ", or " if settings else ""}name another file. '
            f'First differences: {textwrap.shorten(str(error), 400, placeholder=" ...")}'
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
    content = read_content(checkpoint, 'model.head.init_classifier')
    state = {key.removeprefix('head.'): value for key, value in weights_of(content, checkpoint).items()}
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
    head.trained_classes = TrainedClasses(checkpoint, classes_of(content), exact=False)  # type: ignore[assignment]
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
