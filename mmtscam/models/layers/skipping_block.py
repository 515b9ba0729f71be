"""A transformer block that does not compute what drop path throws away."""

from collections.abc import Callable

import torch
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn

from .class_attention import ClassAttention, SplitAttention


class SkippingBlock(TransformerEncoderLayer):
    """mmpretrain's block, whose residual paths are computed for the images alone that keep them.

    Drop path (stochastic depth) sets a path to 0 for some images of a batch
    in training. Here these images do not go through the path at all, on a CPU
    and without mixed precision. A GPU would have to wait for their number,
    and a compiler cannot know it. The same images are dropped as by
    mmpretrain if no other dropout draws numbers; outputs and gradients are
    the same to rounding.

    All images go through a layer that may keep something of each: attention
    with gates, with class attention in training or of another class, an MLP
    of another class, and layers with hooks.

    :func:`skip_dropped_paths` makes it from ``TransformerEncoderLayer``,
    whose parts it has. Tools that choose blocks by the name of their type
    need ``SkippingBlock``.

    Reference: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``(B, N, D)`` tokens from such tokens."""
        attn, ffn = self.attn, self.ffn
        if type(attn) is SplitAttention and not _keeps_rows(attn) and self._skips(x, self.ln1, attn, attn.out_drop):
            x = _add_kept(x, lambda kept: attn.residual(self.ln1(kept)), attn.out_drop)
        else:
            x = x + attn(self.ln1(x))
        if type(ffn) is FFN and self._skips(x, self.ln2, ffn, ffn.dropout_layer):
            return _add_kept(x, lambda kept: ffn.gamma2(ffn.layers(self.ln2(kept))), ffn.dropout_layer)
        return ffn(self.ln2(x), identity=x)

    def _skips(self, x: Tensor, norm: nn.Module, layer: nn.Module, drop: nn.Module) -> bool:
        """Whether images that are dropped can be left out of a path."""
        rate = getattr(drop, 'drop_prob', 0.0) if type(drop) is DropPath else 0.0
        return bool(
            self.training
            and 0 < rate < 1
            and type(x) is Tensor  # no stand-in without data
            and x.device.type == 'cpu'
            and not torch.is_autocast_enabled('cpu')
            and not torch.compiler.is_compiling()
            and not _has_hooks(norm, layer)
        )


def skip_dropped_paths(block: TransformerEncoderLayer) -> None:
    """Let one of mmpretrain's blocks skip the paths that are dropped; its parts and their names stay.

    Args:
        block: The block to change, in place.
    """
    block.__class__ = SkippingBlock


def _add_kept(x: Tensor, path: Callable[[Tensor], Tensor], drop: DropPath) -> Tensor:
    """Add a residual path ``(B', N, D)`` of the B' images that keep it to the tokens ``(B, N, D)`` of all."""
    kept = drop(x.new_ones(len(x), 1, 1)).flatten().nonzero().flatten()
    return x.index_add(0, kept, path(x.index_select(0, kept)), alpha=1 / (1 - drop.drop_prob))


def _keeps_rows(attention: SplitAttention) -> bool:
    """Whether attention keeps something of each image in training."""
    function = attention.scaled_dot_product_attention
    return isinstance(function, ClassAttention) and function.when == 'always'


def _has_hooks(*layers: nn.Module) -> bool:
    modules = (module for layer in layers for module in layer.modules())
    return any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
        for module in modules
    )
