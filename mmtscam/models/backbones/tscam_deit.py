"""DeiT, and any other plain vision transformer, that exposes its class attention."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn.bricks import DropPath
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.models.layers import ClassAttentionMixin, fuse_linears, skip_dropped_paths
from mmtscam.registry import MODELS

from .input_sides import check_sides
from .token_features import TokenFeatures


@MODELS.register_module()
class TSCAMDeiT(ClassAttentionMixin, PretrainedMixin, VisionTransformer):
    """Vision transformer of TS-CAM: patch features and class attention.

    It is mmpretrain's ``VisionTransformer`` with the same parameter names, so
    other variants (MAE, DINOv2, ...) work as well. Every input size that
    patches cover exactly works: position embeddings are interpolated.

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 3.

    Args:
        arch: ``'deit-tiny'``, ``'deit-small'``, ``'deit-base'``, any other
            name that ``VisionTransformer`` knows, or a dict of its settings.
        attn_layers: Indices of the blocks whose class attention is exposed
            (negative ones count from the last); ``None`` for all.
        attn_impl: ``'fused'`` or ``'explicit'``, see
            :class:`~mmtscam.models.layers.ClassAttention`.
        attn_aggregation: ``'mean'``: the class attention of each block, which
            the head averages (Eq. 6). ``'rollout'``: a single map, by
            Attention Rollout over the blocks.
        attention: ``'eval'``: class attention is computed in evaluation
            alone. ``'always'``: it is computed in training too, with gradient.
        num_registers: Number of registers: learned tokens after the patches,
            without a position, that take part in attention and are in no
            output. DINOv2 with registers has 4. A distilled DeiT has 1, its
            second class token.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` takes every file
            that :func:`~mmtscam.models.checkpoints.read_weights` reads.
        **kwargs: Further arguments of ``VisionTransformer``. Blocks that
            ``frozen_stages`` freezes stay in evaluation; where it freezes all
            of them, the backbone does, and keeps no graph.

    Raises:
        ValueError: If ``attn_layers`` names a block that is not there, the
            class token or the last block is switched off, heads do not divide
            the width, or an argument is not among its choices.
    """

    def __init__(
        self,
        arch: str | dict = 'deit-small',
        attn_layers: Sequence[int] | None = None,
        attn_impl: str = 'fused',
        attn_aggregation: str = 'mean',
        attention: str = 'eval',
        num_registers: int = 0,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, out_type='featmap', init_cfg=init_cfg, **kwargs)
        if not self.with_cls_token or list(self.out_indices) != [self.num_layers - 1]:
            raise ValueError('TS-CAM needs class token and last block: leave with_cls_token and out_indices out')
        attention_layer = self.layers[-1].attn
        if attention_layer.embed_dims % attention_layer.num_heads:
            raise ValueError(
                f'num_heads={attention_layer.num_heads} must divide the width of tokens, '
                f'embed_dims={attention_layer.embed_dims}: change arch'
            )
        self.num_registers = num_registers
        if num_registers:
            tokens = nn.init.trunc_normal_(torch.empty(1, num_registers, self.embed_dims), std=0.02)
            self.register_tokens = nn.Parameter(tokens, requires_grad=self.frozen_stages < 1)
            self.pre_norm.register_forward_hook(self._append_registers)
        self.expose_attention(self._attentions(), attn_layers, attn_impl, attn_aggregation, attention)
        fuse_linears(self)
        for layer in self.layers:
            skip_dropped_paths(layer)
        self.layers[0].register_forward_pre_hook(_follow_autocast)
        for module in self.modules():
            if isinstance(module, DropPath):
                # mmpretrain gives NumPy's numbers, on which torch.compile cannot branch.
                module.drop_prob = float(module.drop_prob)

    def forward(self, x: Tensor) -> TokenFeatures:
        """Compute patch features and, where asked for, class attention.

        Args:
            x: ``(B, 3, H, W)`` normalised images; H and W multiples of the
                patch size.

        Returns:
            See :class:`~mmtscam.models.backbones.TokenFeatures`; without
            ``pooled``.

        Raises:
            ValueError: If H or W is not a multiple of the patch size.
        """
        check_sides(x, self.patch_embed.projection.stride, type(self).__name__)
        ((patches, token),) = super().forward(x)
        taken = self._attentions(), self.num_extra_tokens, patches.shape[-2:]
        return TokenFeatures(patches, self.take_attention(*taken), token, maps=self.take_block_maps(*taken))

    def train(self, mode: bool = True) -> 'TSCAMDeiT':
        """Train, or evaluate; what is frozen stays in evaluation, which mmpretrain sees to only at the start."""
        super().train(mode and self.frozen_stages < self.num_layers)
        for layer in self.layers[: max(self.frozen_stages, 0)]:
            layer.eval()
        return self

    def _attentions(self) -> list[MultiheadAttention]:
        return [layer.attn for layer in self.layers]

    def _append_registers(self, module: nn.Module, inputs: tuple[Tensor], tokens: Tensor) -> Tensor:
        """Append the registers to class and patch tokens, which have their positions already."""
        return torch.cat([tokens, self.register_tokens.to(tokens.dtype).expand(tokens.shape[0], -1, -1)], dim=1)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return the class token beside the feature map of the patches; mmpretrain returns only the map."""
        return super()._format_output(x[:, : x.shape[1] - self.num_registers], hw), x[:, 0]


def _follow_autocast(block: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
    """Give the blocks tokens in bfloat16, in evaluation on a CPU in bfloat16.

    Autocast leaves norms and the sums of skip connections in float32, and
    each linear layer between them casts. Tokens in bfloat16 are half as many
    bytes.
    """
    (tokens,) = inputs
    if block.training or tokens.device.type != 'cpu' or not torch.is_autocast_enabled('cpu'):
        return None
    dtype = torch.get_autocast_dtype('cpu')
    return (tokens.to(dtype),) if dtype == torch.bfloat16 else None
