"""Words for weights that do not fit: what they seem to be of, and which settings would make them fit."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

# Networks by a name that they alone have.
_NETWORKS = {
    r'trans_1\.': 'a Conformer',
    r'layers\.\d+\.ln1\.': 'a vision transformer',
    r'blocks\.\d+\.norm1\.': 'a vision transformer without class token',
    r'layer1\.0\.conv1\.': 'a ResNet',
    r'features\.\d+\.(conv\.)?weight': 'a VGG',
    r'inception4a\.': 'a GoogLeNet',
    r'Mixed_5b\.': 'an InceptionV3',
    r'conv_stem\.': 'an EfficientNet of timm',
}


def seems(state: Mapping[str, Tensor]) -> str:
    """Say of which network parameters seem to be.

    Args:
        state: Parameters under our names, of a backbone or a whole model.
    """
    state = {name.removeprefix('backbone.'): value for name, value in state.items()}
    kinds = (kind for pattern, kind in _NETWORKS.items() if any(re.match(pattern, name) for name in state))
    kind = next(kinds, f'a network that is not known here, with the names {", ".join(list(state)[:3])}')
    found = _settings(state)
    if not found:
        return kind
    parts = [f'width {found["embed_dims"]}', f'{found["num_layers"]} blocks', f'patches of {found["patch_size"]}']
    parts += ['layer scale'] * found['layer_scale_init_value']
    parts += [f'{found["num_registers"]} registers'] * bool(found['num_registers'])
    return f'{kind} ({", ".join(parts)})'


def fitting_settings(backbone: nn.Module, state: Mapping[str, Tensor]) -> str:
    """Say which settings would make a vision transformer fit to parameters.

    Args:
        backbone: Any backbone.
        state: Parameters under our names, without ``backbone.``.

    Returns:
        The settings, or an empty text where none would or they are not
        known.
    """
    found, own = _settings(state), _settings(backbone.state_dict())
    if not found or not own:
        return ''
    wanted: dict[str, Any] = {name: value for name, value in found.items() if value != own[name]}
    sizes = {name: found[name] for name in ('embed_dims', 'num_layers', 'feedforward_channels')}
    if sizes.keys() & wanted.keys():
        wanted = {name: value for name, value in wanted.items() if name not in sizes}
        names = [name for name, each in getattr(backbone, 'arch_zoo', {}).items() if sizes.items() <= each.items()]
        wanted['arch'] = repr(max(names, key=len)) if names else f'dict({_listed(sizes)}, num_heads=...)'
    if 'layer_scale_init_value' in wanted:
        wanted['layer_scale_init_value'] = 1e-5 if found['layer_scale_init_value'] else 0
    return 'set ' + ' and '.join(f'model.backbone.{name}={value}' for name, value in wanted.items()) if wanted else ''


def _listed(settings: Mapping[str, Any]) -> str:
    return ', '.join(f'{name}={value}' for name, value in settings.items())


def _settings(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of a vision transformer that its parameters tell; empty for other networks."""
    blocks = {name.split('.')[1] for name in state if re.match(r'layers\.\d+\.ln1\.', name)}
    first = state.get('layers.0.ffn.layers.0.0.weight')
    if not blocks or first is None or 'patch_embed.projection.weight' not in state:
        return {}
    return dict(
        embed_dims=first.shape[1],
        num_layers=len(blocks),
        feedforward_channels=len(first),
        patch_size=state['patch_embed.projection.weight'].shape[-1],
        layer_scale_init_value='layers.0.attn.gamma1.weight' in state,
        num_registers=state['register_tokens'].shape[1] if 'register_tokens' in state else 0,
    )
