"""Class attention, read from mmpretrain's attention without a copy of it."""

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.localization import class_attention, explicit_attention

ATTENTION_IMPLS = ('fused', 'explicit')


class ClassAttention(nn.Module):
    """An attention function that keeps the class token's row in evaluation.

    mmpretrain's ``MultiheadAttention`` calls its attention function as an
    attribute; this one takes that place and has no parameters, so the state
    dict stays mmpretrain's. While training it is the plain function.

    Args:
        impl: ``'fused'``: ``scaled_dot_product_attention``, with the class
            token's row computed beside it. ``'explicit'``: the full matrix,
            the readable reference.
    """

    def __init__(self, impl: str = 'fused') -> None:
        super().__init__()
        if impl not in ATTENTION_IMPLS:
            raise ValueError(f'attn_impl must be one of {ATTENTION_IMPLS}, got {impl!r}')
        self.impl = impl
        self._row: Tensor | None = None

    def forward(self, query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0) -> Tensor:
        """Attend, and keep the class token's row when evaluating.

        Args:
            query: ``(B, K, N, D')`` float tensor, K heads of width D'.
            key: As ``query``.
            value: As ``query``.
            dropout_p: Probability of dropping an attention weight.

        Returns:
            ``(B, K, N, D')`` tensor.
        """
        if self.impl == 'explicit':
            output, weights = explicit_attention(query, key, value, dropout_p)
            if not self.training:
                self._row = weights[:, :, 0].mean(dim=1).detach()
            return output
        if not self.training:
            with torch.no_grad():
                self._row = class_attention(query, key)
        return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout_p)

    def take_row(self) -> Tensor:
        """Hand out the row of the last forward pass, ``(B, N)``, and forget it."""
        if self._row is None:
            raise RuntimeError('class attention is kept in evaluation only, one row a forward pass')
        row, self._row = self._row, None
        return row


def expose_class_attention(attention: MultiheadAttention, impl: str = 'fused') -> ClassAttention:
    """Let one of mmpretrain's attention modules keep its class token's row.

    Args:
        attention: The module to change, in place.
        impl: See :class:`ClassAttention`.

    Returns:
        The attention function from which the row can be taken.
    """
    attention.scaled_dot_product_attention = ClassAttention(impl).train(attention.training)
    return attention.scaled_dot_product_attention
