"""DeiT that exposes its class attention."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.backbones import VisionTransformer
from torch import Tensor

from mmtscam.models.utils import expose_class_attention, load_pretrained
from mmtscam.registry import MODELS


@MODELS.register_module()
class TSCAMDeiT(VisionTransformer):
    """Vision transformer of TS-CAM: patch features and class attention.

    mmpretrain's ``VisionTransformer`` with the same parameter names. Any
    input size works: position embeddings are interpolated.

    Reference: Gao et al., "TS-CAM", ICCV 2021, Section 3.

    Args:
        arch: ``'deit-tiny'``, ``'deit-small'``, ``'deit-base'``, any other
            name that ``VisionTransformer`` knows, or a dict of its settings.
        attn_layers: Indices of the blocks whose class attention is exposed
            (negative ones count from the last); ``None`` for all.
        attn_impl: ``'fused'`` or ``'explicit'``, see
            :class:`~mmtscam.models.utils.ClassAttention`.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` takes an
            original DeiT file, mmpretrain's or our checkpoint; a local path
            or a URL.
        **kwargs: Further arguments of ``VisionTransformer``.

    Raises:
        ValueError: If ``attn_layers`` names a block that is not there, or
            the class token or the last block is switched off.
    """

    def __init__(
        self,
        arch: str | dict = 'deit-small',
        attn_layers: Sequence[int] | None = None,
        attn_impl: str = 'fused',
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, out_type='featmap', init_cfg=init_cfg, **kwargs)
        depth = self.num_layers
        if not self.with_cls_token or list(self.out_indices) != [depth - 1]:
            raise ValueError('TS-CAM needs class token and last block: leave with_cls_token and out_indices out')
        chosen = list(range(depth)) if attn_layers is None else list(attn_layers)
        if not chosen or any(not -depth <= index < depth for index in chosen):
            raise ValueError(f'attn_layers must name blocks from {-depth} to {depth - 1}, got {attn_layers}')
        self.attn_layers = sorted({index % depth for index in chosen})
        for index, layer in enumerate(self.layers):
            if index in self.attn_layers:
                expose_class_attention(layer.attn, attn_impl)

    def init_weights(self) -> None:
        """Initialise, then load the pretrained weights that ``init_cfg`` names."""
        pretrained = self.init_cfg if (self.init_cfg or {}).get('type') == 'Pretrained' else None
        if pretrained is None:
            super().init_weights()
        elif not self.is_init:
            load_pretrained(self, pretrained['checkpoint'])
            self._is_init = True

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute patch features and, in evaluation, class attention.

        Args:
            x: ``(B, 3, H, W)`` normalised images.

        Returns:
            Patch features ``(B, D, h, w)`` after the final layer norm, and
            class attention ``(B, L, h, w)`` of the L chosen blocks (Eq. 5;
            without the class-to-class entry, no gradient), ``None`` while
            training.
        """
        (features,) = super().forward(x)
        if self.training:
            return features, None
        rows = [self.layers[index].attn.scaled_dot_product_attention.take_row() for index in self.attn_layers]
        attention = torch.stack(rows, dim=1)[..., self.num_extra_tokens :]
        return features, attention.unflatten(-1, features.shape[-2:])
