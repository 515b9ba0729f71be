"""Class attention, read from the attention of mmpretrain's transformers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.localization import attention_rollout, class_attention, explicit_attention, rowwise_attention
from mmtscam.localization.precision import full_precision
from mmtscam.utils.arguments import is_whole

ATTENTION_IMPLS = ('fused', 'explicit')
ATTENTION_TIMES = ('eval', 'always')
ATTENTION_AGGREGATIONS = ('mean', 'rollout')


class ClassAttention(nn.Module):
    """An attention function that keeps the class token's row.

    mmpretrain's ``MultiheadAttention`` calls its attention function as an
    attribute, and this module takes its place. It has no parameters, so the
    state dict stays mmpretrain's. By default it is the plain function while
    training, and keeps the row in evaluation without gradient.

    Args:
        impl: ``'fused'``: ``scaled_dot_product_attention`` (on a CPU in
            bfloat16, the faster
            :func:`~mmtscam.localization.rowwise_attention`), with the class
            token's row computed beside it. ``'explicit'``: the full matrix,
            the readable reference.
        keep_inputs: Keep queries and keys, which Attention Rollout needs in
            full, instead of the row.
        when: ``'eval'``: keep in evaluation, without gradient. ``'always'``:
            keep while training too, and with gradient.
        further_rows: Makes further rows to keep, see
            :meth:`ClassAttentionMixin.block_rows`.
    """

    def __init__(
        self,
        impl: str = 'fused',
        keep_inputs: bool = False,
        when: str = 'eval',
        further_rows: Callable[[Tensor, Tensor], dict[str, Tensor]] | None = None,
    ) -> None:
        super().__init__()
        if impl not in ATTENTION_IMPLS:
            raise ValueError(f'attn_impl must be one of {ATTENTION_IMPLS}, got {impl!r}')
        if when not in ATTENTION_TIMES:
            raise ValueError(f'attention must be one of {ATTENTION_TIMES}, got {when!r}')
        self.impl = impl
        self.keep_inputs = keep_inputs
        self.when = when
        # A list, because torch.compile can follow the items of a list, but
        # traces anew for each tensor that becomes an attribute.
        self._kept: list[Tensor | tuple[Tensor, Tensor]] = []
        self._further: list[dict[str, Tensor]] = []
        self.further_rows = further_rows

    def forward(self, query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0) -> Tensor:
        """Attend, and keep the row, or queries and keys, for the map.

        Args:
            query: ``(B, K, N, D')`` float tensor, K heads of width D'.
            key: The same as ``query``.
            value: The same as ``query``.
            dropout_p: Probability of dropping an attention weight.

        Returns:
            ``(B, K, N, D')`` tensor.
        """
        # A failed forward pass may have left something.
        self._kept.clear()
        self._further.clear()
        keep = self.when == 'always' or not self.training
        if keep and self.further_rows is not None:
            self._further.append(self.further_rows(self._cut(query), self._cut(key)))
        if keep and self.keep_inputs:
            self._kept.append((self._cut(query), self._cut(key)))
        if self.impl == 'explicit':
            output, weights = explicit_attention(query, key, value, dropout_p)
            if keep and not self.keep_inputs:
                self._kept.append(self._cut(full_precision(weights[:, :, 0]).mean(dim=1)))
            return output
        if keep and not self.keep_inputs:
            self._kept.append(class_attention(self._cut(query), self._cut(key)))
        if query.device.type == 'cpu' and query.dtype == torch.bfloat16 and not dropout_p:
            return rowwise_attention(query, key, value)
        return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout_p)

    def take(self) -> Any:
        """Return what the last forward pass kept, and forget it.

        Returns:
            The class token's row ``(B, N)``, or with ``keep_inputs`` query and
            key.

        Raises:
            RuntimeError: If there was no forward pass that keeps it.
        """
        if not self._kept:
            raise RuntimeError(
                "class attention is kept once a forward pass, and while training only with attention='always'"
            )
        return self._kept.pop()

    def take_further(self) -> dict[str, Tensor]:
        """Return the further rows of the last forward pass, by name, and forget them; none where none were made."""
        return self._further.pop() if self._further else {}

    def _cut(self, tensor: Tensor) -> Tensor:
        """A tensor detached from the graph, unless the gradient is wanted."""
        return tensor if self.when == 'always' else tensor.detach()


class SplitAttention(MultiheadAttention):
    """mmpretrain's attention, with a backward pass that joins the gradients of queries, keys and values at once.

    mmpretrain 1.2 takes each of the three by its index, and the gradient of an
    index is a tensor of zeros as large as all three. The forward pass is
    otherwise the same. :func:`expose_class_attention` makes it from
    ``MultiheadAttention``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Attend: ``(B, N, D)`` from ``(B, N, D)``."""
        x, value = self._project(x)
        x = self.out_drop(x)
        return value.squeeze(1) + x if self.v_shortcut else x

    def residual(self, x: Tensor) -> Tensor:
        """Attend as :meth:`forward` does, without dropping paths."""
        return self._project(x)[0]

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dims))
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind()
        x = self.attend(query, key, value)
        x = self.proj(x.transpose(1, 2).flatten(2))
        return self.gamma1(self.proj_drop(x)), value

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend: ``(B, K, N, D')`` from three such tensors."""
        dropout = self.attn_drop if self.training else 0.0
        return self.scaled_dot_product_attention(query, key, value, dropout_p=dropout)


def expose_class_attention(
    attention: MultiheadAttention,
    impl: str = 'fused',
    keep_inputs: bool = False,
    when: str = 'eval',
    further_rows: Callable[[Tensor, Tensor], dict[str, Tensor]] | None = None,
) -> ClassAttention:
    """Let one of mmpretrain's attention modules keep its class token's row.

    Args:
        attention: The module to change, in place.
        impl: See :class:`ClassAttention`.
        keep_inputs: See :class:`ClassAttention`.
        when: See :class:`ClassAttention`.
        further_rows: See :class:`ClassAttention`.

    Returns:
        The attention function from which the row can be taken.
    """
    if type(attention) is MultiheadAttention:
        attention.__class__ = SplitAttention
    attention.scaled_dot_product_attention = ClassAttention(impl, keep_inputs, when, further_rows).train(
        attention.training
    )
    return attention.scaled_dot_product_attention


class ClassAttentionMixin:
    """Class attention for any of mmpretrain's transformers with a class token.

    A backbone names its attention modules once, in the order of its blocks,
    and takes the maps after each forward pass.
    """

    training: bool

    def expose_attention(
        self,
        attentions: Sequence[MultiheadAttention],
        attn_layers: Sequence[int] | None,
        attn_impl: str,
        attn_aggregation: str,
        attention: str = 'eval',
    ) -> None:
        """Choose blocks and let them keep their class attention.

        Args:
            attentions: The attention of every block, from the first on.
            attn_layers: Indices of the blocks to use (negative ones count
                from the last); ``None`` for all.
            attn_impl: See :class:`ClassAttention`.
            attn_aggregation: ``'mean'``: each block's own row, which the head
                averages (Eq. 6). ``'rollout'``: one row, Attention Rollout
                over the blocks.
            attention: ``'eval'`` or ``'always'``: when class attention is
                kept, see :class:`ClassAttention`.

        Raises:
            ValueError: If a block is not there or a choice is unknown.
        """
        depth = len(attentions)
        named = attn_layers if isinstance(attn_layers, Iterable) else ()
        chosen = list(range(depth)) if attn_layers is None else list(named)
        if not chosen or any(not is_whole(index) or not -depth <= index < depth for index in chosen):
            raise ValueError(f'attn_layers must name blocks from {-depth} to {depth - 1}, got {attn_layers}')
        if attn_aggregation not in ATTENTION_AGGREGATIONS:
            raise ValueError(f'attn_aggregation must be one of {ATTENTION_AGGREGATIONS}, got {attn_aggregation!r}')
        self.attn_layers = sorted({index % depth for index in chosen})
        self.attn_aggregation = attn_aggregation
        self.attention = attention
        own = type(self).block_rows is not ClassAttentionMixin.block_rows
        further = self.block_rows if own else None
        for index in self.attn_layers:
            expose_class_attention(attentions[index], attn_impl, attn_aggregation == 'rollout', attention, further)

    def block_rows(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Make further rows of a block, beside its class attention; none by default.

        A backbone of your own overrides it. It is called for each block of
        ``attn_layers`` whenever class attention is kept.

        Args:
            query: ``(B, K, N, D')`` float tensor, K heads of width D'; token
                0 is the class token.
            key: The same as ``query``.

        Returns:
            Name to ``(B, N)`` values of all tokens. They come to the head in
            ``TokenFeatures.maps`` as ``(B, L, h, w)``.
        """
        return {}

    def take_block_maps(
        self, attentions: Sequence[MultiheadAttention], num_extra_tokens: int, size: tuple[int, int]
    ) -> dict[str, Tensor] | None:
        """The rows of :meth:`block_rows` in the last forward pass, laid out as maps.

        Args:
            attentions: The argument of :meth:`expose_attention`.
            num_extra_tokens: Tokens before the first patch token.
            size: ``(h, w)`` of the patch tokens.

        Returns:
            Name to ``(B, L, h, w)`` tensor of L blocks; ``None`` where there
            are no such rows.
        """
        further = [attentions[index].scaled_dot_product_attention.take_further() for index in self.attn_layers]
        if not further[0]:
            return None
        end = num_extra_tokens + size[0] * size[1]
        rows = {name: torch.stack([each[name] for each in further], dim=1) for name in further[0]}
        return {name: each[..., num_extra_tokens:end].unflatten(-1, size) for name, each in rows.items()}

    def take_attention(
        self, attentions: Sequence[MultiheadAttention], num_extra_tokens: int, size: tuple[int, int]
    ) -> Tensor | None:
        """Class attention of the last forward pass.

        Args:
            attentions: The argument of :meth:`expose_attention`.
            num_extra_tokens: Tokens before the first patch token.
            size: ``(h, w)`` of the patch tokens.

        Returns:
            ``(B, L, h, w)`` tensor; L is 1 with Attention Rollout. ``None``
            where it was not kept: while training, unless ``attention`` is
            ``'always'``.

        Raises:
            RuntimeError: If the gradient is wanted and cannot flow through
                it, because of reentrant activation checkpointing.
        """
        if self.training and self.attention != 'always':
            return None
        blocks = [attentions[index] for index in self.attn_layers]
        taken = [block.scaled_dot_product_attention.take() for block in blocks]
        if self.training and torch.is_grad_enabled():
            for block, kept in zip(blocks, taken, strict=True):
                check_gradient(
                    block,
                    kept[0],
                    "class attention, though attention='always' asks for it",
                    'the blocks of attn_layers',
                )
        rows = torch.stack(taken, dim=1) if self.attn_aggregation == 'mean' else attention_rollout(taken).unsqueeze(1)
        # Tokens may follow the patches too.
        patches = size[0] * size[1]
        return rows[..., num_extra_tokens : num_extra_tokens + patches].unflatten(-1, size)


def check_gradient(block: nn.Module, kept: Tensor, name: str, blocks: str) -> None:
    """Refuse a tensor that a block has kept without a gradient, though it is trained.

    Args:
        block: The block, or a module in it.
        kept: A tensor that it has kept in its forward pass.
        name: Name of the tensor in the message.
        blocks: Name of the blocks that keep it in the message.

    Raises:
        RuntimeError: If no gradient flows through it.
    """
    if not kept.requires_grad and any(parameter.requires_grad for parameter in block.parameters()):
        raise RuntimeError(
            f'no gradient flows through {name}: reentrant activation checkpointing runs the block, as '
            f'activation_checkpointing of the config does; leave {blocks} out of it'
        )
