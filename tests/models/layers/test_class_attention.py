import copy

import pytest
import torch
from mmpretrain.models.utils import MultiheadAttention

from mmtscam.models.layers import ClassAttention, expose_class_attention


def test_row_is_handed_out_once():
    attend = ClassAttention().eval()
    query = torch.randn(2, 3, 5, 4)
    attend(query, query, query)
    assert attend.take().shape == (2, 5)
    with pytest.raises(RuntimeError, match='kept once a forward pass'):
        attend.take()


def test_nothing_is_kept_while_training():
    attend = ClassAttention().train()
    query = torch.randn(2, 3, 5, 4)
    attend(query, query, query)
    with pytest.raises(RuntimeError, match='kept once a forward pass'):
        attend.take()


def test_exposing_changes_neither_output_nor_state():
    attention = MultiheadAttention(embed_dims=12, num_heads=3).eval()
    tokens = torch.randn(2, 5, 12)
    before, names = attention(tokens), list(attention.state_dict())
    row_source = expose_class_attention(attention)
    torch.testing.assert_close(attention(tokens), before)
    assert list(attention.state_dict()) == names
    assert row_source.take().shape == (2, 5)


@pytest.mark.parametrize('kwargs', [dict(), dict(num_heads=1, v_shortcut=True), dict(layer_scale_init_value=0.1)])
def test_exposed_attention_is_mmpretrains_forward_and_backward(kwargs):
    attention = MultiheadAttention(**{**dict(embed_dims=12, num_heads=3, qkv_bias=True), **kwargs}).train()
    exposed = copy.deepcopy(attention)
    expose_class_attention(exposed)
    tokens, upstream = torch.randn(2, 5, 12), torch.randn(2, 5, 12)
    results = []
    for module in (exposed, attention):
        inputs = tokens.clone().requires_grad_()
        output = module(inputs)
        results.append([output, *torch.autograd.grad(output, [inputs, *module.parameters()], upstream)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_dropout_is_applied_while_training(impl):
    attend = ClassAttention(impl).train()
    query = torch.randn(1, 2, 50, 4)
    assert not torch.equal(attend(query, query, query, dropout_p=0.5), attend(query, query, query, dropout_p=0.5))
