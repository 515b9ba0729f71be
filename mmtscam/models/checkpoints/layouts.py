"""Other libraries' names of the same networks, given the names of the networks' authors.

timm, DINOv2, transformers and torchvision each name the parameters of a
plain vision transformer otherwise; transformers does so for ResNet too. All
other networks here have one family of names.
"""

import re
from collections.abc import Mapping
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor


class _Layout(NamedTuple):
    """Names of a library.

    Attributes:
        token: The class token's name, by which the layout is recognised.
        block: The part before the names in a block; its group is the block's
            index.
        in_block: Modules or parameters in a block to the authors' names.
        outside: The others.
    """

    token: str
    block: re.Pattern
    in_block: Mapping[str, str]
    outside: Mapping[str, str]


# Layer scale in DeiT III and elsewhere. Blocks of DINOv2 may lie in chunks: blocks.CHUNK.INDEX.
_AUTHORS = _Layout(
    'cls_token',
    re.compile(r'blocks\.(?:\d+\.)?(\d+)\.(?=norm1\.|norm2\.|attn\.|mlp\.|ls\d\.|gamma_\d)'),
    {'gamma_1': 'ls1.gamma', 'gamma_2': 'ls2.gamma'},
    {'reg_token': 'register_tokens'},
)
# Classifiers may stand beside the network, whose names then have a prefix.
_CLASSIFIERS = {'head': 'head', 'classifier': 'head', 'cls_classifier': 'head', 'distillation_classifier': 'head_dist'}
# Before and from version 5 of transformers on, whose files keep the older names.
_TRANSFORMERS = _Layout(
    'embeddings.cls_token',
    re.compile(r'(?:encoder\.layer|layers)\.(\d+)\.'),
    {
        'layernorm_before': 'norm1',
        'layernorm_after': 'norm2',
        **{f'attention.attention.{part}': f'attn.{part[0]}' for part in ('query', 'key', 'value')},
        **{f'attention.{part}_proj': f'attn.{part}' for part in 'qkv'},
        'attention.output.dense': 'attn.proj',
        'attention.o_proj': 'attn.proj',
        'intermediate.dense': 'mlp.fc1',
        'output.dense': 'mlp.fc2',
        'mlp.weights_in': 'mlp.w12',
        'mlp.weights_out': 'mlp.w3',
        'layer_scale1.lambda1': 'ls1.gamma',
        'layer_scale2.lambda1': 'ls2.gamma',
    },
    {
        'embeddings.cls_token': 'cls_token',
        'embeddings.mask_token': 'mask_token',
        'embeddings.distillation_token': 'dist_token',
        'embeddings.register_tokens': 'register_tokens',
        'embeddings.position_embeddings': 'pos_embed',
        'embeddings.patch_embeddings.projection': 'patch_embed.proj',
        'layernorm': 'norm',
        **_CLASSIFIERS,
    },
)
_TORCHVISION = _Layout(
    'class_token',
    re.compile(r'encoder\.layers\.encoder_layer_(\d+)\.'),
    {
        'ln_1': 'norm1',
        'ln_2': 'norm2',
        'self_attention.in_proj_weight': 'attn.qkv.weight',
        'self_attention.in_proj_bias': 'attn.qkv.bias',
        'self_attention.out_proj': 'attn.proj',
        'mlp.0': 'mlp.fc1',
        'mlp.3': 'mlp.fc2',
        'mlp.linear_1': 'mlp.fc1',
        'mlp.linear_2': 'mlp.fc2',
    },
    {
        'class_token': 'cls_token',
        'conv_proj': 'patch_embed.proj',
        'encoder.pos_embedding': 'pos_embed',
        'encoder.ln': 'norm',
        'heads.head': 'head',
    },
)
# ResNet in transformers.
_RESNET = (
    (r'^(resnet\.)?embedder\.embedder\.convolution\.', 'conv1.'),
    (r'^(resnet\.)?embedder\.embedder\.normalization\.', 'bn1.'),
    (r'^(resnet\.)?encoder\.stages\.(\d+)\.layers\.(\d+)\.', lambda found: f'layer{int(found[2]) + 1}.{found[3]}.'),
    (r'\.layer\.(\d+)\.convolution\.', lambda found: f'.conv{int(found[1]) + 1}.'),
    (r'\.layer\.(\d+)\.normalization\.', lambda found: f'.bn{int(found[1]) + 1}.'),
    (r'\.shortcut\.convolution\.', '.downsample.0.'),
    (r'\.shortcut\.normalization\.', '.downsample.1.'),
    (r'^classifier\.1\.', 'fc.'),
)


def authors_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give parameters the names of the network's authors: DeiT's, DINOv2's, or for ResNet torchvision's.

    Queries, keys and values that are apart are joined. Position embeddings
    become those of class token and patches: what timm and DeiT add to other
    tokens is added to them, and where the class token has none, as in DeiT
    III, it gets zeros. The token for masked patches is left out, which only
    pretraining uses.

    Args:
        state: Parameters under the names of any library, with any prefix
            such as ``vit.`` or ``backbone.``.

    Returns:
        Parameters under the authors' names; the same where the network is
        none that is known here.
    """
    if any('embedder.embedder.convolution.' in name for name in state):
        return {_resnet_name(name): value for name, value in state.items()}
    for layout in (_TRANSFORMERS, _TORCHVISION, _AUTHORS):
        for token in state:
            prefix = token.removesuffix(layout.token)
            if token.endswith(layout.token) and any(layout.block.match(name.removeprefix(prefix)) for name in state):
                return _plain_tokens(_joined(_renamed(state, layout, prefix)))
    return dict(state)


def mmpretrain_vgg_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give torchvision's and timm's VGG mmpretrain's names; mmpretrain does not count norms and ReLUs.

    Args:
        state: Parameters of a VGG, without ``backbone.``.
    """
    parts = {name: re.fullmatch(r'features\.(\d+)\.(\w+)', name) for name in state}
    convs = sorted(int(part[1]) for name, part in parts.items() if part and state[name].ndim == 4)
    uncounted = 2 if any(name.endswith('.running_mean') for name in state) else 1  # layers a convolution
    renamed = {}
    for name, part in parts.items():
        if part:
            index, parameter = int(part[1]), part[2]
            conv = max((each for each in convs if each <= index), default=index)
            place = conv - uncounted * sum(each < conv for each in convs)
            name_here = f'features.{place}.{"conv" if conv == index else "bn"}.{parameter}'
        else:
            name_here = name
        renamed[name_here] = state[name]
    return renamed


def _renamed(state: Mapping[str, Tensor], layout: _Layout, prefix: str) -> dict[str, Tensor]:
    renamed = {}
    for name, value in state.items():
        inner = name.removeprefix(prefix)
        if not name.startswith(prefix):
            module, _, parameter = name.rpartition('.')
            if module in _CLASSIFIERS and parameter in (
                'weight',
                'bias',
            ):  # others, such as DINO's, are for pretraining
                renamed[f'{_CLASSIFIERS[module]}.{parameter}'] = value
        elif block := layout.block.match(inner):
            renamed[f'blocks.{block[1]}.{_module_name(inner[block.end() :], layout.in_block)}'] = value
        else:
            renamed[_module_name(inner, layout.outside)] = value
    return renamed


def _module_name(name: str, table: Mapping[str, str]) -> str:
    """The name with the table's name of its module, or of itself."""
    if name in table:
        return table[name]
    module, dot, parameter = name.rpartition('.')
    return f'{table.get(module, module)}{dot}{parameter}'


def _joined(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values in one matrix each block."""
    joined = {}
    for name, value in state.items():
        if found := re.fullmatch(r'(.+\.attn\.)([qkv])\.(\w+)', name):
            before, part, after = found.groups()
            others = [state.get(f'{before}{each}.{after}') for each in 'qkv']
            if part == 'q' and all(each is not None for each in others):
                joined[f'{before}qkv.{after}'] = torch.cat(others)  # type: ignore[arg-type]
            elif any(each is None for each in others):
                joined[name] = value
        else:
            joined[name] = value
    return joined


def _plain_tokens(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Let position embeddings be those of class token and patches, and all further tokens be registers."""
    state = {name: value for name, value in state.items() if name != 'mask_token'}
    if 'dist_token' in state and 'register_tokens' not in state:
        state['register_tokens'] = state.pop('dist_token')
    positions = state.get('pos_embed')
    if positions is None or positions.ndim != 3:
        return state
    rows = positions.shape[1]
    extra = rows - isqrt(rows) ** 2
    registers = state.get('register_tokens')
    if extra == 0:
        state['pos_embed'] = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
    elif registers is not None and extra == 1 + registers.shape[1]:
        state['register_tokens'] = registers + positions[:, 1:extra]
        state['pos_embed'] = torch.cat([positions[:, :1], positions[:, extra:]], dim=1)
    return state


def _resnet_name(name: str) -> str:
    for pattern, ours in _RESNET:
        name = re.sub(pattern, ours, name)
    return name
