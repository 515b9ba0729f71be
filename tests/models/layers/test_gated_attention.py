import pytest
import torch
from mmpretrain.models.utils import MultiheadAttention

from mmtscam.localization import foreground_gate
from mmtscam.models.layers import expose_class_attention, gate_attention


def explicit(attention, tokens, num_gates):
    """The formula with the matrix written out: its columns are scaled by the gates and not normalised again."""
    qkv = attention.qkv(tokens).unflatten(-1, (3, attention.num_heads, -1))
    query, key, value = qkv.permute(2, 0, 3, 1, 4)
    logits = query @ key.mT / query.shape[-1] ** 0.5
    gates = logits[:, :, -num_gates:].mean(dim=1).sigmoid()
    weights = logits.softmax(dim=-1) * gates.mean(dim=1)[:, None, None]
    return attention.proj((weights @ value).transpose(1, 2).flatten(2)), gates


@pytest.mark.parametrize('num_gates', [1, 4])
@pytest.mark.parametrize('exposed', [True, False])
def test_gated_values_are_gated_columns(num_gates, exposed):
    attention = MultiheadAttention(12, 3).double()
    if exposed:
        expose_class_attention(attention)
    names = list(attention.state_dict())
    gate_attention(attention, num_gates)
    assert list(attention.state_dict()) == names
    attention.train()
    tokens = torch.randn(2, 7, 12, dtype=torch.float64, requires_grad=True)
    output = attention(tokens)
    gates = attention.take_gates()
    expected, expected_gates = explicit(attention, tokens, num_gates)
    torch.testing.assert_close(output, expected, atol=1e-15, rtol=1e-12)
    torch.testing.assert_close(gates, expected_gates, atol=1e-15, rtol=1e-12)

    weights = torch.randn_like(output), torch.randn_like(gates)
    ours = torch.autograd.grad((output * weights[0]).sum() + (gates * weights[1]).sum(), tokens)
    reference = torch.autograd.grad((expected * weights[0]).sum() + (expected_gates * weights[1]).sum(), tokens)
    torch.testing.assert_close(ours, reference)


def test_the_mean_over_heads_comes_before_the_sigmoid():
    query, key = torch.randn(2, 3, 1, 5), torch.randn(2, 3, 7, 5)
    expected = torch.sigmoid((query * key).sum(dim=-1).mean(dim=1) / 5**0.5).unsqueeze(1)
    torch.testing.assert_close(foreground_gate(query, key), expected)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(foreground_gate(query, key), expected)
    assert foreground_gate(query.bfloat16(), key.bfloat16()).dtype == torch.float32
