"""Tracing a model for any batch and input size."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import AdaptivePadding
from mmpretrain.models.backbones import vision_transformer
from torch import Tensor
from torch.export import Dim, ExportedProgram

from mmtscam.localization import explicit_attention
from mmtscam.localization.precision import full_precision
from mmtscam.models.layers import class_attention, head_layers

from .graph import ExportModel

# The shape to trace with. Its numbers differ, so that the tracer cannot take one for another.
_BATCH, _WIDER = 2, 64


def trace(model: ExportModel, input_size: tuple[int, int], fixed_size: bool = False) -> ExportedProgram:
    """Trace the graph, for any batch size and, unless it is fixed, any input size.

    Args:
        model: The model, on the CPU.
        input_size: ``(height, width)``; only a hint unless the size is fixed.
        fixed_size: Whether the graph takes this size alone.

    Returns:
        The program, which takes ``images`` and returns a tuple, see
        :meth:`ExportModel.forward`. It refuses sides of less than two
        patches, and for a Conformer sides that are no multiples of 16.

    Raises:
        ValueError: If the model cannot be traced.
    """
    height, width = input_size
    dynamic = {0: Dim.DYNAMIC, **({} if fixed_size else {2: Dim.DYNAMIC, 3: Dim.DYNAMIC})}
    images = torch.zeros(_BATCH, 3, height, width if fixed_size else width + _WIDER)
    try:
        with torch.no_grad(), _any_size(not fixed_size), quietly():
            return torch.export.export(model, (images,), dynamic_shapes=(dynamic,), strict=False)
    except Exception as error:  # what cannot be traced fails in any way
        backbone = type(model.model.backbone).__name__
        if fixed_size:
            what, remedy = f'at {height}x{width}', ''
        else:
            what, remedy = 'for every input size', '; export it for one size with fixed_size=True'
        raise ValueError(
            f'this model ({backbone}) cannot be exported {what}{remedy}. The exporter says: '
            f'{" ".join(str(error).split())[:400]}'
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the exporters' many remarks on their own work."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)


@contextmanager
def _any_size(enabled: bool) -> Iterator[None]:
    """Replace code that branches on the size at hand by code that can be traced for any size."""
    replacements: list[tuple[Any, str, Callable]] = [
        (vision_transformer, 'resize_pos_embed', _resize_pos_embed),
        (AdaptivePadding, 'forward', _pad_to_patches),
        (class_attention, 'attention_rollout', _rollout_at_once),
        (head_layers, 'semantic_logits', _means_of_slices),
    ]
    originals = [getattr(owner, name) for owner, name, _ in replacements]
    try:
        for owner, name, replacement in replacements if enabled else ():
            setattr(owner, name, replacement)
        yield
    finally:
        for (owner, name, _), original in zip(replacements, originals, strict=True):
            setattr(owner, name, original)


def _resize_pos_embed(
    pos_embed: Tensor,
    src_shape: tuple[int, int],
    dst_shape: tuple[int, int],
    mode: str = 'bicubic',
    num_extra_tokens: int = 1,
) -> Tensor:
    """Do the same as mmpretrain's function, but always interpolate; to the same size this changes nothing."""
    extra, grid = pos_embed[:, :num_extra_tokens], pos_embed[:, num_extra_tokens:]
    grid = grid.unflatten(1, tuple(src_shape)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=dst_shape, align_corners=False, mode=mode)
    return torch.cat([extra, grid.flatten(2).transpose(1, 2)], dim=1)


def _pad_to_patches(self: AdaptivePadding, x: Tensor) -> Tensor:
    """Do the same as mmcv's method, but always pad, by nothing where the patches fit."""
    if self.padding != 'corner' or tuple(self.kernel_size) != tuple(self.stride) or set(self.dilation) != {1}:
        raise ValueError('patches that overlap')
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
    margin = weight.shape[-1] // 2
    height, width = features.shape[-2:]
    padded = F.pad(full_precision(features), [margin] * 4)
    places = range(weight.shape[-1])
    means = [padded[..., y : y + height, x : x + width].mean(dim=(2, 3)) for y in places for x in places]
    return F.linear(torch.stack(means, dim=2).flatten(1), full_precision(weight).flatten(1), full_precision(bias))
