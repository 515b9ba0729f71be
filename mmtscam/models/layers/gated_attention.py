"""Attention whose values are gated by tokens that ask for the foreground."""

from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor

from mmtscam.localization import foreground_gate

from .class_attention import SplitAttention


class GatedAttention(SplitAttention):
    """mmpretrain's attention, with each token's value scaled by how much the last tokens take it for foreground.

    Scaling the columns of the attention matrix by a gate m, without
    normalising again, is the same as scaling the values:
    ``(softmax(R) diag(m)) V = softmax(R) (m V)``. So the fused kernel does it
    and no matrix is written. :func:`gate_attention` makes this module from
    ``MultiheadAttention``.

    Reference: Wu et al., "Spatial-Aware Token for Weakly Supervised Object
    Localization" (SAT), ICCV 2023.

    Attributes:
        num_gates: Number G of the last tokens that ask.
    """

    num_gates: int
    _gates: list[Tensor]

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend with gated values, and keep the gates: ``(B, K, N, D')`` from three such tensors."""
        gates = foreground_gate(query[:, :, -self.num_gates :], key)
        self._gates[:] = [gates]
        return super().attend(query, key, value * gates.mean(dim=1)[:, None, :, None].to(value.dtype))

    def take_gates(self) -> Tensor:
        """Return the gates ``(B, G, N)`` of the last forward pass, with their gradient, and forget them."""
        return self._gates.pop()


def gate_attention(attention: MultiheadAttention, num_gates: int) -> None:
    """Let the last tokens gate the values of one of mmpretrain's attention modules; parameters stay the same.

    Args:
        attention: The module to change, in place.
        num_gates: Number of the last tokens that ask. Their gates are
            averaged.
    """
    attention.__class__ = GatedAttention
    attention.num_gates = num_gates
    # A list, because torch.compile traces anew for each tensor that becomes an attribute.
    attention._gates = []
