"""Names of parameters: the released models' and ours, both ways.

The original DeiT and Conformer and the released TS-CAM models on top of them
share one family of names; ours are mmpretrain's. Values are never changed.
"""

import re
from collections.abc import Mapping

from torch import Tensor

# Within a transformer block: the reference's name and ours.
_BLOCK = (
    ('norm1', 'ln1'),
    ('norm2', 'ln2'),
    ('mlp.fc1', 'ffn.layers.0.0'),
    ('mlp.fc2', 'ffn.layers.1'),
    ('attn', 'attn'),
)
# Where the blocks of DeiT and Conformer are.
_PLACES = (
    (r'blocks\.(\d+)', r'layers\.(\d+)', 'blocks.{}', 'layers.{}'),
    (r'(trans_1|conv_trans_\d+\.trans_block)', r'(trans_1|conv_trans_\d+\.trans_block)', '{}', '{}'),
)
# Outside the blocks; what is in neither table has the same name on both sides.
_DEIT = (('patch_embed.proj', 'patch_embed.projection'), ('norm', 'ln1'))


def _rename(name: str, to_ours: bool) -> str:
    """Our name of a backbone's parameter, or the reference's name of ours."""
    for reference_place, our_place, reference_form, our_form in _PLACES:
        match = re.match(rf'{reference_place if to_ours else our_place}\.', name)
        if match:
            rest = name[match.end() :]
            for pair in _BLOCK:
                old, new = pair if to_ours else pair[::-1]
                if rest.startswith(f'{old}.'):
                    rest = new + rest.removeprefix(old)
                    break
            return f'{(our_form if to_ours else reference_form).format(match[1])}.{rest}'
    for pair in _DEIT:
        old, new = pair if to_ours else pair[::-1]
        if name.startswith(f'{old}.'):
            return new + name.removeprefix(old)
    return name


def is_reference(state: Mapping[str, Tensor]) -> bool:
    """Tell whether parameters have the names of a released model."""
    return any(re.match(r'blocks\.\d+\.|trans_1\.norm1\.', name) for name in state)


def from_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters of a released model our names.

    - Original DeiT: ``TSCAMDeiT`` and, from its linear classifier,
      ``ClassTokenHead``.
    - Original Conformer: ``TSCAMConformer`` and mmpretrain's
      ``ConformerHead``.
    - Released TS-CAM on either: ``TSCAMDeiT`` or ``TSCAMConformer`` and
      ``TSCAMHead``.

    Args:
        state: Parameters under the reference's names, with or without
            ``module.`` of DataParallel before them.

    Returns:
        The same tensors under ``backbone.`` and ``head.``.

    Raises:
        ValueError: If these are not the names of a released model.
    """
    state = {name.removeprefix('module.'): value for name, value in state.items()}
    if not is_reference(state):
        first = ', '.join(list(state)[:3]) or 'none'
        raise ValueError(f'neither DeiT nor Conformer under the names of their authors; first names: {first}')
    heads = _heads(state)
    converted = {}
    for name, value in state.items():
        module, _, parameter = name.partition('.')
        is_head = module in heads
        converted[f'head.{heads[module]}.{parameter}' if is_head else f'backbone.{_rename(name, True)}'] = value
    return converted


def to_reference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters of our model the released one's names: the way back.

    Args:
        state: Parameters of one of the models that :func:`from_reference`
            makes, under ``backbone.`` and ``head.``.

    Returns:
        The same tensors under the reference's names, without ``module.``.

    Raises:
        ValueError: If a parameter has no counterpart there.
    """
    modules = {'conv_cls_head': 'conv_cls_head', 'trans_cls_head': 'trans_cls_head'}
    if 'backbone.trans_norm.weight' in state:
        modules |= {'conv': 'trans_cls_head', 'fc': 'conv_cls_head'}
    else:
        modules |= {'conv': 'head', 'fc': 'head'}
    converted = {}
    for name, value in state.items():
        part, _, rest = name.partition('.')
        module, _, parameter = rest.partition('.')
        if part == 'backbone':
            converted[_rename(rest, False)] = value
        elif part == 'head' and module in modules:
            converted[f'{modules[module]}.{parameter}'] = value
        else:
            raise ValueError(f'{name} has no counterpart in the released models, which are DeiT, Conformer and TS-CAM')
    if not is_reference(converted):
        raise ValueError('neither TSCAMDeiT nor TSCAMConformer: no block of a transformer')
    return converted


def _heads(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Our name of each classifier: a convolution is TS-CAM's, a linear one the original model's."""
    if 'head.weight' in state:
        return {'head': 'conv' if state['head.weight'].ndim == 4 else 'fc'}
    if 'trans_cls_head.weight' not in state:
        return {}
    if state['trans_cls_head.weight'].ndim == 4:
        return {'trans_cls_head': 'conv', 'conv_cls_head': 'fc'}
    return {name: name for name in ('trans_cls_head', 'conv_cls_head')}
