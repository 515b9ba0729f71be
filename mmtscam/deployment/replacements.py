"""The same numbers by other operators, while a model is traced: those that runtimes share, for any input size."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import AdaptivePadding, PatchEmbed
from mmpretrain.models.backbones import vision_transformer
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.localization import explicit_attention
from mmtscam.localization.precision import full_precision
from mmtscam.models.layers import ClassAttention, SplitAttention, class_attention, head_layers

# The constant of the cubic kernel that PyTorch, OpenCV and TensorFlow use.
_CUBIC = -0.75
# More rows or columns of patches than an image has: attention among them would need terabytes.
_MOST_PATCHES = 1024


@contextmanager
def replaced(model: nn.Module, any_size: bool, plain_attention: bool = True) -> Iterator[None]:
    """Let a model compute with other operators within a ``with`` block.

    Args:
        model: The model; it is as before afterwards.
        any_size: Replace code that branches on the input size.
        plain_attention: Replace fused attention, which PyTorch alone has.
    """
    modules = list(model.modules())
    replacements: list[tuple[Any, str, Any]] = [(vision_transformer, 'resize_pos_embed', _resize_pos_embed)]
    if plain_attention:
        replacements += [
            (SplitAttention, '_project', _project),
            *(each for one in modules for each in _attention_of(one)),
        ]
    if any_size:
        replacements += [
            *(each for one in modules for each in _padding_of(one)),
            (AdaptivePadding, 'forward', _pad_to_patches),
            (class_attention, 'attention_rollout', _rollout_at_once),
            (head_layers, 'semantic_logits', _means_of_slices),
        ]
    originals = [getattr(owner, name) for owner, name, _ in replacements]
    try:
        for owner, name, replacement in replacements:
            setattr(owner, name, replacement)
        yield
    finally:
        for (owner, name, _), original in zip(replacements, originals, strict=True):
            setattr(owner, name, original)


def _attention_of(module: nn.Module) -> list[tuple[Any, str, Any]]:
    """Attention with its matrix written out: the exporters compute shapes for the fused operator, where tract stops."""
    if isinstance(module, ClassAttention):
        return [(module, 'impl', 'explicit')]
    if type(module) is MultiheadAttention and module.scaled_dot_product_attention is F.scaled_dot_product_attention:
        return [(module, '__class__', SplitAttention), (module, 'scaled_dot_product_attention', _attend)]
    return []


def _attend(query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0) -> Tensor:
    return explicit_attention(query, key, value, dropout_p)[0]


def _project(self: SplitAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same as the method, but split queries, keys and values in four dimensions: ncnn has no fifth."""
    parts = self.qkv(x).chunk(3, dim=-1)
    query, key, value = (part.unflatten(-1, (self.num_heads, self.head_dims)).transpose(1, 2) for part in parts)
    x = self.attend(query, key, value).transpose(1, 2).flatten(2)
    return self.gamma1(self.proj_drop(self.proj(x))), value


def _resize_pos_embed(
    pos_embed: Tensor,
    src_shape: tuple[int, int],
    dst_shape: tuple[int, int],
    mode: str = 'bicubic',
    num_extra_tokens: int = 1,
) -> Tensor:
    """Do the same as mmpretrain's function; to a size that is unknown always interpolate, which changes nothing of one.

    The bicubic interpolation is written out, because runtimes differ in
    theirs: MNN's is wrong in the first row and column, tract's takes no size
    that is unknown.
    """
    if all(isinstance(size, int) for size in dst_shape) and tuple(dst_shape) == tuple(src_shape):
        return pos_embed
    extra, grid = pos_embed[:, :num_extra_tokens], pos_embed[:, num_extra_tokens:]
    if mode == 'bicubic':
        rows, columns = (_cubic_weights(old, new) for old, new in zip(src_shape, dst_shape, strict=True))
        grid = (rows @ grid.reshape(src_shape[0], -1)).unflatten(1, (src_shape[1], -1))
        grid = (columns @ grid).flatten(0, 1).unsqueeze(0)
    else:
        grid = grid.unflatten(1, tuple(src_shape)).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=dst_shape, align_corners=False, mode=mode)
        grid = grid.flatten(2).transpose(1, 2)
    return torch.cat([extra, grid], dim=1)


def _cubic_weights(old: int, new: int) -> Tensor:
    """The matrix ``(new, old)`` that resizes as ``F.interpolate`` with ``mode='bicubic'`` does.

    A kernel of two pieces (Keys, "Cubic convolution interpolation", 1981) is
    applied to each distance, cut to where its piece is not 0. Places outside
    have the value of the border.
    """
    places = torch.arange(-2, old + 2)
    inside = F.one_hot(places.clamp(0, old - 1), old).float()
    # A list of places and relu: converters to fp16 fail at Range, Min, Clip and where a size becomes a float.
    wanted = (torch.arange(_MOST_PATCHES) + 0.5)[:new]
    wanted = wanted * old / (wanted.max() + 0.5) - 0.5
    distances = (wanted.unsqueeze(1) - places).abs()
    # Distances cut to 0 and 1, and to 1 and 2 less 1.
    near = 1 - F.relu(1 - distances)
    beyond = F.relu(distances - 1) - F.relu(distances - 2)
    first = (near - 1) * (((_CUBIC + 2) * near - 1) * near - 1)
    second = _CUBIC * beyond * (beyond - 1) * (beyond - 1)
    return (first + second) @ inside


def _padding_of(module: nn.Module) -> list[tuple[Any, str, Any]]:
    """Constant padding, by a patch less one pixel, before patches are cut: no patch reaches what is too much."""
    padding = module.adaptive_padding if isinstance(module, PatchEmbed) else None
    if padding is None or padding.padding != 'corner':
        return []
    below, right = ((size - 1) * step for size, step in zip(padding.kernel_size, padding.dilation, strict=True))
    return [(module, 'adaptive_padding', nn.ZeroPad2d((0, right, 0, below)))]


def _pad_to_patches(self: AdaptivePadding, x: Tensor) -> Tensor:
    """Do the same as mmcv's method, but always pad, by nothing where the patches fit."""
    if self.padding != 'corner' or tuple(self.kernel_size) != tuple(self.stride) or set(self.dilation) != {1}:
        raise ValueError('padding on all sides, or for windows that overlap')
    (height, width), (rows, columns) = x.shape[-2:], self.stride
    below, right = (height + rows - 1) // rows * rows - height, (width + columns - 1) // columns * columns - width
    return F.pad(x, [0, right, 0, below])


def _rollout_at_once(blocks: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """:func:`~mmtscam.localization.attention_rollout` in one piece: the number of pieces would depend on the size."""
    row = torch.zeros_like(blocks[-1][0][:, 0, :, 0])
    row[:, 0] = 1
    for query, key in reversed(blocks):
        _, weights = explicit_attention(query, key, key)
        row = (row + (row.unsqueeze(1) @ weights.mean(dim=1)).squeeze(1)) / 2
    return row


def _means_of_slices(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """:func:`~mmtscam.localization.semantic_logits` without a pooling window: its size would be traced."""
    rest = weight.shape[-1] - 1

    def means(x: Tensor) -> Tensor:
        """Means of the places that each entry of the kernel slides over, in the last but one dimension."""
        return torch.stack([x[..., first : first - rest or None].mean(dim=-1) for first in range(rest + 1)], dim=-2)

    padded = F.pad(full_precision(features), [rest // 2] * 4)
    slid = means(means(padded))  # (B, D, k, k)
    return F.linear(slid.flatten(1), full_precision(weight).flatten(1), full_precision(bias))
