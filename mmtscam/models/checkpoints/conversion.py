"""Conversion between the parameter names of the released models and ours, both ways.

The original DeiT and Conformer and the released models on top of them (TS-CAM,
SAT, SCM) share one family of names; ours are mmpretrain's. Values are never
changed. DINOv2 and DeiT III have further names, which are converted one way.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from mmtscam.models.layers import blur_kernel

from .layouts import authors_names

# Prefixes of a transformer block: those of DeiT, then those of Conformer.
_BLOCK = re.compile(r'(blocks|layers)\.\d+\.|(trans_1|conv_trans_\d+\.trans_block)\.')
# The reference's names and ours, in a block and outside.
_IN_BLOCK = {
    'norm1': 'ln1',
    'norm2': 'ln2',
    'attn.qkv': 'attn.qkv',
    'attn.proj': 'attn.proj',
    'mlp.fc1': 'ffn.layers.0.0',
    'mlp.fc2': 'ffn.layers.1',
}
_OUTSIDE = {
    'blocks': 'layers',
    'cls_token': 'cls_token',
    'pos_embed': 'pos_embed',
    'patch_embed.proj': 'patch_embed.projection',
    'norm': 'ln1',
    'loc_token': 'loc_token',
    'loc_embed': 'loc_embed',
}
# Names that the released models do not have: layer scale, gated units, registers, CLIP's norm before the blocks.
_ONLY_IN_BLOCK = {
    'ls1.gamma': 'attn.gamma1.weight',
    'ls2.gamma': 'ffn.gamma2.weight',
    'mlp.w12': 'ffn.w12',
    'mlp.w3': 'ffn.w3',
}
_ONLY_OUTSIDE = {'register_tokens': 'register_tokens', 'norm_pre': 'pre_norm'}
# Parts after a backbone that no head here has, and the decoders of pretraining.
_AFTER = re.compile(r'(fc_norm|pooler|head_dist|pre_logits)\.|decoder')
# The fixed kernel with which SAT blurs its map: a parameter there, a constant here.
_SAT_KERNEL = 'weight'
# The scalars of SCM's layers: the reference's names and ours.
_SCM = {'thred': 'threshold', 'fuse._loss_rate': 'similarity'}
_SCM_LAYER = re.compile(r'layers\.(\d+)\.(' + '|'.join(map(re.escape, _SCM)) + ')')
_SCM_OURS = re.compile(r'spreading\.(\d+)\.(' + '|'.join(_SCM.values()) + ')')
# Parameters with the same name on both sides: Conformer's convolutions and norms.
_SAME = re.compile(r'(conv1|bn1|conv_1|trans_(patch_conv|norm)|conv_trans_\d+\.(cnn|fusion|squeeze|expand)_block)\.')
# The reference's names of the classifiers' modules and ours, by the number of
# dimensions of the first one's weight: 2 in the original model, whose classifier
# is linear, and 4 in TS-CAM, where it is a convolution.
_HEADS = {
    'DeiT': {2: {'head': 'fc'}, 4: {'head': 'conv'}},
    'Conformer': {
        2: {'trans_cls_head': 'trans_cls_head', 'conv_cls_head': 'conv_cls_head'},
        4: {'trans_cls_head': 'conv', 'conv_cls_head': 'fc'},
    },
}


class ReferenceModel(NamedTuple):
    """The model to which parameters under the reference's names belong.

    Attributes:
        backbone: ``'DeiT'`` or ``'Conformer'``.
        method: ``'TS-CAM'``, ``'SAT'`` or ``'SCM'``; empty for the original
            classifier.
        width: Width D of a token.
        num_blocks: Number of transformer blocks L.
        num_classes: Number of classes, ``None`` without a classifier.
    """

    backbone: str
    method: str
    width: int
    num_blocks: int
    num_classes: int | None

    def __str__(self) -> str:
        """One line for people."""
        classes = 'no classifier' if self.num_classes is None else f'{self.num_classes} classes'
        name = f'{self.method} {self.backbone}'.strip()
        return f'{name}: width {self.width}, {self.num_blocks} blocks, {classes}'


def our_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters of a network the names that it has here, whatever library's names they have.

    Args:
        state: Parameters under the names of timm, DINOv2, transformers,
            torchvision, the authors of DeiT, Conformer and the methods on
            them, mmpretrain or this package.

    Returns:
        Parameters under ``backbone.`` and ``head.`` where the names were
        another library's of a transformer, else under their own. Parts after
        the backbone that no head here has, such as a pooler, are under
        ``head.`` too, so that they are refused where a whole model is loaded.

    Raises:
        ValueError: If a vision transformer has parts that none has here.
    """
    state = authors_names(state)
    if not is_reference(state):
        return state
    after = {f'head.{name}': value for name, value in state.items() if _AFTER.match(name)}
    return from_reference({name: value for name, value in state.items() if not _AFTER.match(name)}) | after


def is_reference(state: Mapping[str, Tensor]) -> bool:
    """Tell whether parameters have the names of a released model."""
    return any(re.match(r'(module\.)?(blocks\.\d+|trans_1)\.norm1\.', name) for name in state)


def reference_model(state: Mapping[str, Tensor]) -> ReferenceModel:
    """Recognise the model of parameters under the reference's names, without ``module.``.

    Raises:
        ValueError: If these are not the names of a released model.
    """
    if not is_reference(state):
        first = ', '.join(list(state)[:3]) or 'none'
        raise ValueError(f'neither DeiT nor Conformer under the names of their authors; first names: {first}')
    backbone = _backbone(state)
    classifier = state.get(f'{next(iter(_HEADS[backbone][2]))}.weight')
    norms = [value for name, value in state.items() if name.endswith('.norm1.weight')]
    return ReferenceModel(
        backbone,
        _method(state, classifier),
        width=len(norms[0]),
        num_blocks=len(norms),
        num_classes=None if classifier is None else len(classifier),
    )


def from_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters of a released model our names.

    - The original DeiT becomes ``TSCAMDeiT`` and, from its linear classifier,
      ``ClassTokenHead``.
    - The original Conformer becomes ``TSCAMConformer`` and mmpretrain's
      ``ConformerHead``.
    - The released TS-CAM on either becomes ``TSCAMDeiT`` or
      ``TSCAMConformer``, and ``TSCAMHead``.
    - The released SAT becomes ``SATDeiT`` and ``SATHead``, the released SCM
      ``TSCAMDeiT`` and ``SCMHead``.

    Args:
        state: Parameters under the reference's names, with or without
            ``module.`` of DataParallel before them.

    Returns:
        The same tensors under ``backbone.`` and ``head.``.

    Raises:
        ValueError: If these are not the names of a released model.
    """
    state = {name.removeprefix('module.'): value for name, value in state.items()}
    model = reference_model(state)
    heads = _HEADS[model.backbone][4 if model.method else 2]
    converted = {}
    for name, value in state.items():
        module, _, parameter = name.partition('.')
        if model.method == 'SAT' and name == _SAT_KERNEL:
            continue
        if layer := _SCM_LAYER.fullmatch(name):
            converted[f'head.spreading.{layer[1]}.{_SCM[layer[2]]}'] = value
        elif module in heads:
            converted[f'head.{heads[module]}.{parameter}'] = value
        else:
            converted[f'backbone.{_rename(name, _IN_BLOCK | _ONLY_IN_BLOCK, _OUTSIDE | _ONLY_OUTSIDE)}'] = value
    return converted


def to_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters of our model the released one's names; the inverse of :func:`from_reference`.

    Args:
        state: Parameters of one of the models that :func:`from_reference`
            makes, under ``backbone.`` and ``head.``.

    Returns:
        The same tensors under the reference's names, without ``module.``.

    Raises:
        ValueError: If a parameter has no counterpart there.
    """
    backbone = {name.removeprefix('backbone.'): value for name, value in state.items() if name.startswith('backbone.')}
    head = {name.removeprefix('head.'): value for name, value in state.items() if name.startswith('head.')}
    foreign = [name for name in state if not name.startswith(('backbone.', 'head.'))]
    if foreign or not backbone:
        raise ValueError(f'no model of a backbone and a head; first name: {(foreign or list(state) or ["none"])[0]}')
    converted = {_rename(name, _turned(_IN_BLOCK), _turned(_OUTSIDE)): value for name, value in backbone.items()}
    if 'loc_token' in converted:
        converted[_SAT_KERNEL] = blur_kernel()
    for name in list(head):
        if layer := _SCM_OURS.fullmatch(name):
            converted[f'layers.{layer[1]}.{_turned(_SCM)[layer[2]]}'] = head.pop(name)
    modules = {name.partition('.')[0] for name in head}
    kinds = [_turned(kind) for kind in _HEADS[_backbone(converted)].values()]
    heads = next((kind for kind in kinds if not modules or modules == set(kind)), None)
    if heads is None:
        raise ValueError(
            f'a head of {" and ".join(sorted(modules))} on {_backbone(converted)} has no counterpart in the released '
            f'models: theirs are of {", or ".join(" and ".join(sorted(kind)) for kind in kinds)}'
        )
    for name, value in head.items():
        module, _, parameter = name.partition('.')
        converted[f'{heads[module]}.{parameter}'] = value
    return converted


def _method(state: Mapping[str, Tensor], classifier: Tensor | None) -> str:
    if 'loc_token' in state:
        return 'SAT'
    if any(_SCM_LAYER.fullmatch(name) for name in state):
        return 'SCM'
    return 'TS-CAM' if classifier is not None and classifier.ndim == 4 else ''


def _backbone(state: Mapping[str, Tensor]) -> str:
    return 'Conformer' if 'trans_norm.weight' in state else 'DeiT'


def _turned(table: Mapping[str, str]) -> dict[str, str]:
    return {ours: reference for reference, ours in table.items()}


def _rename(name: str, in_block: Mapping[str, str], outside: Mapping[str, str]) -> str:
    """Name a parameter of a backbone as the other side does."""
    if _SAME.match(name):
        return name
    block = _BLOCK.match(name)
    place = block[0] if block else ''
    rest = name.removeprefix(place)
    module = re.sub(r'\.(weight|bias)$', '', rest)
    table = in_block if block else outside
    if module not in table:
        raise ValueError(f'{name} has no counterpart: it is not of DeiT, DINOv2, Conformer, TS-CAM, SAT or SCM')
    place = re.sub(r'^\w+', lambda first: outside.get(first[0], first[0]), place)
    return place + table[module] + rest.removeprefix(module)
