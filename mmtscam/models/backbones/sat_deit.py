"""DeiT with a spatial token that gates attention (SAT)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmtscam.models.layers import check_gradient, gate_attention
from mmtscam.registry import MODELS

from .token_features import TokenFeatures
from .tscam_deit import TSCAMDeiT

SPATIAL_TOKENS = ('learned', 'image')


@MODELS.register_module()
class SATDeiT(TSCAMDeiT):
    """Vision transformer of SAT: a token after the patches asks which of them are foreground.

    In the last blocks the sigmoid of its attention logits, averaged over
    heads, scales the values of all tokens. So the classification loss teaches
    it where the object is. The mean of the gates over these blocks is the
    map ``foreground`` of :class:`TokenFeatures`, in training and evaluation,
    with gradient.

    References: Wu et al., "Spatial-Aware Token for Weakly Supervised Object
    Localization" (SAT), ICCV 2023; Yang et al., "Pro2SAM", ECCV 2024, for
    tokens from the image.

    Args:
        arch: See :class:`TSCAMDeiT`.
        gated_blocks: Number of the last blocks that are gated. 0: there are no
            spatial tokens, and the backbone is :class:`TSCAMDeiT`.
        spatial_tokens: ``'learned'``: one token, a parameter (SAT).
            ``'image'``: four tokens, made from the image in the size of two
            patches, every second row and column in each (GTFormer, the first
            stage of Pro2SAM); the maps of the single tokens are
            ``foreground_by_token`` ``(B, 4, h, w)``. Each token has a
            convolution of its own; the released code uses the second one
            three times.
        **kwargs: Further arguments of :class:`TSCAMDeiT`.

    Raises:
        ValueError: If ``gated_blocks`` or ``spatial_tokens`` is out of range.
    """

    def __init__(
        self,
        arch: str | dict = 'deit-small',
        gated_blocks: int = 3,
        spatial_tokens: str = 'learned',
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, **kwargs)
        if not 0 <= gated_blocks <= self.num_layers:
            raise ValueError(
                f'gated_blocks must be from 0 to the number of blocks, {self.num_layers}, got {gated_blocks}'
            )
        if spatial_tokens not in SPATIAL_TOKENS:
            raise ValueError(f'spatial_tokens must be one of {SPATIAL_TOKENS}, got {spatial_tokens!r}')
        self.gated_blocks = gated_blocks
        self.num_spatial_tokens = 0
        if not gated_blocks:
            return
        width = self.embed_dims
        if spatial_tokens == 'learned':
            self.num_spatial_tokens = 1
            self.loc_token = nn.Parameter(torch.empty(1, 1, width))
            nn.init.trunc_normal_(self.loc_token, std=0.02)
        else:
            self.num_spatial_tokens = 4
            patch = self.patch_embed.projection.kernel_size
            self.loc_projections = nn.ModuleList(nn.Conv2d(3, width, patch) for _ in range(4))
        self.loc_embed = nn.Parameter(torch.empty(1, self.num_spatial_tokens, width))
        nn.init.trunc_normal_(self.loc_embed, std=0.02)
        # The tokens of the images that are on their way.
        self._spatial: list[Tensor] = []
        self.pre_norm.register_forward_hook(self._append_tokens)
        for attention in self._gated():
            gate_attention(attention, self.num_spatial_tokens)

    @property
    def new_parameters(self) -> list[str]:
        """Names of the parameters that a pretrained transformer has not."""
        return [name for name, _ in self.named_parameters() if name.startswith('loc_')]

    def forward(self, x: Tensor) -> TokenFeatures:
        """Compute patch features, foreground maps and, where asked for, class attention.

        Args:
            x: ``(B, 3, H, W)`` normalised images; H and W multiples of the
                patch size.

        Returns:
            See :class:`~mmtscam.models.backbones.TokenFeatures`; without
            ``pooled``.

        Raises:
            ValueError: If H or W is not a multiple of the patch size.
            RuntimeError: If no gradient can flow through the gates, because
                of reentrant activation checkpointing.
        """
        if not self.gated_blocks:
            return super().forward(x)
        self._spatial[:] = [self._spatial_tokens(x)]
        feats = super().forward(x)
        height, width = feats.patches.shape[-2:]
        start = self.num_extra_tokens
        gates = []
        for attention in self._gated():
            taken = attention.take_gates()
            if self.training and torch.is_grad_enabled():
                check_gradient(attention, taken, 'the gates of spatial tokens', f'the last {self.gated_blocks} blocks')
            gates.append(taken[..., start : start + height * width])
        by_token = torch.stack(gates).mean(dim=0).unflatten(-1, (height, width))
        maps = dict(feats.maps or {}, foreground=by_token.mean(dim=1))
        if self.num_spatial_tokens > 1:
            maps['foreground_by_token'] = by_token
        # Written out: torch.compile cannot trace namedtuple's _replace.
        return TokenFeatures(feats.patches, feats.attention, feats.token, feats.pooled, maps)

    def _gated(self) -> list:
        return self._attentions()[self.num_layers - self.gated_blocks :]

    def _spatial_tokens(self, x: Tensor) -> Tensor:
        """The tokens to append, ``(B or 1, G, D)``."""
        if self.num_spatial_tokens == 1:
            return self.loc_token + self.loc_embed
        height, width = self.patch_embed.projection.kernel_size
        small = F.interpolate(x, size=(2 * height, 2 * width), mode='bilinear', align_corners=False, antialias=True)
        parts = [small[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
        tokens = [conv(part).flatten(1) for conv, part in zip(self.loc_projections, parts, strict=True)]
        return torch.stack(tokens, dim=1) + self.loc_embed

    def _append_tokens(self, module: nn.Module, inputs: tuple[Tensor], tokens: Tensor) -> Tensor:
        """Append the spatial tokens to class and patch tokens, after what is before the blocks."""
        appended = self._spatial.pop()
        return torch.cat([tokens, appended.to(tokens.dtype).expand(tokens.shape[0], -1, -1)], dim=1)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Leave the spatial tokens out of the feature map."""
        return super()._format_output(x[:, : x.shape[1] - self.num_spatial_tokens], hw)
