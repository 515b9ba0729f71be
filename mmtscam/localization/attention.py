"""Attention functions, class attention and its aggregation over blocks.

Reference: Gao et al., "TS-CAM", ICCV 2021, Eqs. 5 and 6.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .precision import full_precision, without_autocast


def explicit_attention(query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0) -> tuple[Tensor, Tensor]:
    """Attention with its matrix written out: ``softmax(Q K^T / sqrt(D')) V``.

    This is the readable reference for ``scaled_dot_product_attention`` and
    :func:`class_attention`. It needs O(N^2) memory a head.

    Args:
        query: ``(B, K, N, D')`` float tensor, K heads of width D'.
        key: Like ``query``.
        value: Like ``query``.
        dropout_p: Probability of dropping an attention weight.

    Returns:
        The output ``(B, K, N, D')`` and the attention matrix ``(B, K, N, N)``
        before dropout.
    """
    weights = (query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1)).softmax(dim=-1)
    return F.dropout(weights, dropout_p) @ value, weights


def rowwise_attention(query: Tensor, key: Tensor, value: Tensor, rows: int = 128) -> Tensor:
    """Attention with some rows of its matrix at a time, never all.

    It is for CPUs in bfloat16. There ``scaled_dot_product_attention``
    multiplies small blocks slowly, and this function takes three fifths of
    its time, forward and backward. The backward pass computes the rows again.

    Args:
        query: ``(B, K, N, D')`` float tensor, K heads of width D'.
        key: Like ``query``.
        value: Like ``query``.
        rows: Most rows at a time; never more than half of them.

    Returns:
        ``(B, K, N, D')`` tensor.
    """
    rows = min(rows, (query.shape[2] + 1) // 2)
    return _RowwiseAttention.apply(query * query.shape[-1] ** -0.5, key, value, rows)


class _RowwiseAttention(Function):
    """``softmax(Q K^T) V`` with some rows at a time."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
        # The memory layout is changed once here, or each product would change it again.
        key, value = key.contiguous(), value.contiguous()
        ctx.rows = rows
        ctx.save_for_backward(query, key, value)
        # Autocast would write the weights in float32; softmax sums in float32 anyway.
        with without_autocast(query):
            parts = [(part @ key.mT).softmax(dim=-1) @ value for part in query.split(rows, dim=2)]
        return torch.cat(parts, dim=2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value = ctx.saved_tensors
        # Sums of many parts need full precision.
        grad_key, grad_value = (full_precision(torch.zeros_like(tensor)) for tensor in (key, value))
        grad_query = []
        with without_autocast(query):
            parts = zip(query.split(ctx.rows, dim=2), grad.contiguous().split(ctx.rows, dim=2), strict=True)
            for part, grad_part in parts:
                weights = (part @ key.mT).softmax(dim=-1)
                grad_weights = grad_part @ value.mT
                grad_logits = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
                grad_query.append(grad_logits @ key)
                grad_key += grad_logits.mT @ part
                grad_value += weights.mT @ grad_part
        return torch.cat(grad_query, dim=2), grad_key.to(key.dtype), grad_value.to(value.dtype), None


def class_attention(query: Tensor, key: Tensor) -> Tensor:
    """The class token's row of the attention matrix, averaged over heads (Eq. 5).

    Only this row is computed: O(N) instead of O(N^2) work a head.

    Args:
        query: ``(B, K, N, D')`` float tensor; token 0 is the class token.
        key: Like ``query``.

    Returns:
        ``(B, N)`` tensor, ``float32`` at least, of weights that sum to 1 over
        all tokens.
    """
    # Logits in half precision would change the weights by a hundredth. A matrix
    # product would copy the keys into another layout.
    with without_autocast(query):
        logits = torch.linalg.vecdot(full_precision(key), full_precision(query[:, :, :1]) * query.shape[-1] ** -0.5)
    return logits.softmax(dim=-1).mean(dim=1)


def propagated_attention(query: Tensor, key: Tensor, chunk: int = 256) -> Tensor:
    """Class attention that its own block passes on: ``a A / N``, with A averaged over heads and a its first row.

    Only ``chunk`` rows of a matrix exist at a time.

    Reference: Chen et al., "LCTR", AAAI 2022.

    Args:
        query: ``(B, K, N, D')`` float tensor; token 0 is the class token.
        key: Like ``query``.
        chunk: Number of rows computed at once.

    Returns:
        ``(B, N)`` tensor, ``float32`` at least.
    """
    tokens, width = query.shape[2:]
    row = class_attention(query, key)
    passed = torch.zeros_like(row)
    with without_autocast(query):
        keys = full_precision(key).mT
        for start in range(0, tokens, chunk):
            logits = full_precision(query[:, :, start : start + chunk]) * width**-0.5 @ keys
            weights = logits.softmax(dim=-1).mean(dim=1)
            passed = passed + (row[:, None, start : start + chunk] @ weights).squeeze(1)
    return passed / tokens


def foreground_gate(query: Tensor, key: Tensor) -> Tensor:
    """How much each token is foreground in the eyes of some tokens: ``sigmoid(mean over heads of Q K^T / sqrt(D'))``.

    The mean is taken before the sigmoid, and there is no softmax. Only the
    rows of the asking tokens are computed: O(N) work for each of them.

    Reference: Wu et al., "Spatial-Aware Token for Weakly Supervised Object
    Localization" (SAT), ICCV 2023.

    Args:
        query: ``(B, K, G, D')`` float tensor: queries of the G tokens that
            ask, in K heads of width D'.
        key: ``(B, K, N, D')`` keys of all N tokens.

    Returns:
        ``(B, G, N)`` tensor in (0, 1), ``float32`` at least.
    """
    heads, width = query.shape[1], query.shape[-1]
    with without_autocast(query):
        # One product over the joined heads sums them.
        asked, keys = (full_precision(tensor.transpose(1, 2).flatten(2)) for tensor in (query, key))
        return torch.sigmoid(asked @ keys.mT / (heads * width**0.5))


def aggregate_attention(attention: Tensor) -> Tensor:
    """Average class attention over blocks: A* of Eq. 6.

    The released code sums instead, which is the same after min-max
    normalisation.

    Args:
        attention: ``(B, L, h, w)`` class attention of L blocks.

    Returns:
        ``(B, h, w)`` tensor.
    """
    return attention.mean(dim=1)


def attention_rollout(blocks: Sequence[tuple[Tensor, Tensor]], chunk: int = 256) -> Tensor:
    """Attention Rollout: where the class token's output comes from.

    Every block's attention matrix A, averaged over heads, is mixed with the
    skip connection to (A + I) / 2; the result is the class token's row of the
    product of all blocks. The row is carried from the last block to the
    first, so that only ``chunk`` rows of a matrix exist at a time.

    Reference: Abnar and Zuidema, "Quantifying Attention Flow in
    Transformers", ACL 2020.

    Args:
        blocks: Query and key of each block, from the first on, each
            ``(B, K, N, D')``; token 0 is the class token.
        chunk: Number of rows computed at once.

    Returns:
        ``(B, N)`` ``float32`` tensor of weights that sum to 1 over all tokens.
    """
    batch, _, tokens, width = blocks[-1][0].shape
    row = torch.zeros(batch, tokens, device=blocks[-1][0].device)
    row[:, 0] = 1
    # Products of many matrices need full precision, also under autocast.
    with without_autocast(row):
        for query, key in reversed(blocks):
            attended = torch.zeros_like(row)
            for start in range(0, tokens, chunk):
                logits = query[:, :, start : start + chunk].float() * width**-0.5 @ key.float().transpose(-2, -1)
                weights = logits.softmax(dim=-1).mean(dim=1)
                attended += (row[:, None, start : start + chunk] @ weights).squeeze(1)
            row = (row + attended) / 2
    return row
