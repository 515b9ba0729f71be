"""A backbone in the manner of SAT: a token after the patches asks which of them are foreground."""

import torch
from torch import nn

from mmtscam.models import TSCAMDeiT
from mmtscam.models.layers import ClassAttention
from mmtscam.registry import MODELS


class GatedAttention(ClassAttention):
    """Attention whose values the last token gates: A' V = softmax(QK) (m * V)."""

    def forward(self, query, key, value, dropout_p=0.0):
        alike = (query[:, :, -1:] @ key.transpose(2, 3)).mean(dim=1)  # (B, 1, N), of all heads
        self.gate = torch.sigmoid(alike.float() / query.shape[-1] ** 0.5)
        return super().forward(query, key, value * self.gate.to(value)[:, :, :, None], dropout_p)


@MODELS.register_module()
class SpatialTokenDeiT(TSCAMDeiT):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.spatial_token = nn.Parameter(torch.randn(1, 1, self.embed_dims) * 0.02)
        self.layers[0].register_forward_pre_hook(self._append_token)
        self.layers[-1].attn.scaled_dot_product_attention = GatedAttention(when=self.attention)

    def _append_token(self, block, inputs):
        (tokens,) = inputs  # not len(tokens) below: export would take it for a constant
        return (torch.cat([tokens, self.spatial_token.to(tokens).expand(tokens.shape[0], -1, -1)], dim=1),)

    def _format_output(self, x, hw):
        return super()._format_output(x[:, :-1], hw)

    def forward(self, x):
        feats = super().forward(x)
        gate = self.layers[-1].attn.scaled_dot_product_attention.gate[:, 0, 1:-1]
        return feats._replace(maps=dict(foreground=gate.unflatten(1, feats.patches.shape[-2:])))
