"""Class attention: what the class token looks at.

Reference: Gao et al., "TS-CAM", ICCV 2021, Eqs. 5 and 6.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import full_precision, without_autocast


def explicit_attention(query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0) -> tuple[Tensor, Tensor]:
    """Attention with its matrix written out: ``softmax(Q K^T / sqrt(D')) V``.

    The readable reference for ``scaled_dot_product_attention`` and
    :func:`class_attention`; it needs O(N^2) memory a head.

    Args:
        query: ``(B, K, N, D')`` float tensor, K heads of width D'.
        key: As ``query``.
        value: As ``query``.
        dropout_p: Probability of dropping an attention weight.

    Returns:
        The output ``(B, K, N, D')`` and the attention matrix ``(B, K, N, N)``
        before dropout.
    """
    weights = (query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1)).softmax(dim=-1)
    return F.dropout(weights, dropout_p) @ value, weights


def rowwise_attention(query: Tensor, key: Tensor, value: Tensor, rows: int = 128) -> Tensor:
    """Attention with some rows of its matrix at a time, never all.

    For CPUs in bfloat16, where ``scaled_dot_product_attention`` multiplies
    small blocks slowly and this takes two thirds of its time.

    Args:
        query: ``(B, K, N, D')`` float tensor, K heads of width D'.
        key: As ``query``.
        value: As ``query``.
        rows: Most rows at a time; never more than half of them.

    Returns:
        ``(B, K, N, D')`` tensor.
    """
    # Laid out once, or each product would do it again.
    keys, values = key.contiguous().transpose(-2, -1), value.contiguous()
    parts = (query * query.shape[-1] ** -0.5).split(min(rows, (query.shape[2] + 1) // 2), dim=2)
    return torch.cat([(part @ keys).softmax(dim=-1) @ values for part in parts], dim=2)


def class_attention(query: Tensor, key: Tensor) -> Tensor:
    """The class token's row of the attention matrix, averaged over heads (Eq. 5).

    Only this row is computed, O(N) instead of O(N^2) a head.

    Args:
        query: ``(B, K, N, D')`` float tensor; token 0 is the class token.
        key: As ``query``.

    Returns:
        ``(B, N)`` tensor, ``float32`` at least, of weights that sum to 1 over
        all tokens.
    """
    # In full precision: of logits in half of it weights would be off by a
    # hundredth. Not a matrix product, for which keys would be laid out anew.
    with without_autocast(query):
        logits = torch.linalg.vecdot(full_precision(key), full_precision(query[:, :, :1]) * query.shape[-1] ** -0.5)
    return logits.softmax(dim=-1).mean(dim=1)


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
    # Products of many matrices: in full precision, also under autocast.
    with without_autocast(row):
        for query, key in reversed(blocks):
            attended = torch.zeros_like(row)
            for start in range(0, tokens, chunk):
                logits = query[:, :, start : start + chunk].float() * width**-0.5 @ key.float().transpose(-2, -1)
                weights = logits.softmax(dim=-1).mean(dim=1)
                attended += (row[:, None, start : start + chunk] @ weights).squeeze(1)
            row = (row + attended) / 2
    return row
