"""A transformer block that does not compute what drop path throws away."""

from collections.abc import Callable

import torch
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from .class_attention import ClassAttention, SplitAttention


class SkippingBlock(TransformerEncoderLayer):
    """mmpretrain's block, whose residual paths are computed for the images alone that keep them.

    Drop path (stochastic depth) sets a path to 0 for some images of a batch
    in training. Here these images do not go through the path at all, on a
    CPU. A GPU would have to wait for their number, and a compiler cannot know
    it. The same images are dropped as by mmpretrain, and outputs and
    gradients are the same to rounding.

    All images go through attention that keeps something of each (gates, or
    class attention in training), and through modules with hooks of their own.

    :func:`skip_dropped_paths` makes it from ``TransformerEncoderLayer``.

    Reference: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.

    Attributes:
        attn_path: Drop path of the attention.
        ffn_path: Drop path of the MLP.
    """

    attn_path: nn.Module
    ffn_path: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``(B, N, D)`` tokens from such tokens."""
        x = self._add(x, (self.ln1, self.attn), self.attn_path)
        return self._add(x, (self.ln2, self.ffn), self.ffn_path)

    def _add(self, x: Tensor, path: tuple[nn.Module, nn.Module], drop: nn.Module) -> Tensor:
        """Add a residual path to the tokens."""
        norm, layer = path
        skips = self.training and getattr(drop, 'drop_prob', 0) > 0 and x.device.type == 'cpu'
        if not skips or torch.compiler.is_compiling() or not _takes_any_images(layer) or _has_hooks(path):
            return x + drop(layer(norm(x)))
        weights = drop(x.new_ones(len(x), 1, 1)).flatten()
        kept = weights.nonzero().flatten()
        added = layer(norm(x.index_select(0, kept))).to(x.dtype)
        return x.index_add(0, kept, added, alpha=1 / (1 - drop.drop_prob))


def skip_dropped_paths(block: TransformerEncoderLayer) -> None:
    """Let one of mmpretrain's blocks skip the paths that are dropped; parameters and their names stay.

    Args:
        block: The block to change, in place.
    """
    block.__class__ = SkippingBlock
    block.attn_path, block.attn.out_drop = block.attn.out_drop, nn.Identity()
    block.ffn_path, block.ffn.dropout_layer = block.ffn.dropout_layer, nn.Identity()
    block.ffn.add_identity = False


def _takes_any_images(layer: nn.Module) -> bool:
    """Whether a layer keeps nothing of its images, for which all of them would be needed."""
    if not isinstance(layer, MultiheadAttention):
        return True
    function: Callable = layer.scaled_dot_product_attention
    known = type(layer) in (MultiheadAttention, SplitAttention)
    return known and not (isinstance(function, ClassAttention) and function.when == 'always')


def _has_hooks(path: tuple[nn.Module, nn.Module]) -> bool:
    modules = (module for part in path for module in part.modules())
    return any(module._forward_hooks or module._forward_pre_hooks for module in modules)
