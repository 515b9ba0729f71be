import copy

import pytest
import torch
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import nn

from mmtscam.models.layers import expose_class_attention, gate_attention, skip_dropped_paths


def build(drop_path_rate=0.5, **kwargs):
    """mmpretrain's block, and ours with the same weights."""
    theirs = TransformerEncoderLayer(12, 3, 24, drop_path_rate=drop_path_rate, **kwargs).double()
    ours = copy.deepcopy(theirs)
    skip_dropped_paths(ours)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return theirs, ours


def run(block, tokens, seed):
    torch.manual_seed(seed)
    tokens = tokens.clone().requires_grad_()
    output = block(tokens)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output, *torch.autograd.grad((output * weights).sum(), [tokens, *block.parameters()])]


class ImageCounter(nn.Module):
    """Notes how many images pass."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.counts = layer, []

    def forward(self, x):
        self.counts.append(len(x))
        return self.layer(x)


@pytest.mark.parametrize('kwargs', [{}, dict(layer_scale_init_value=0.3), dict(ffn_type='swiglu_fused')])
@pytest.mark.parametrize('rate', [0.0, 0.3, 0.9])
@pytest.mark.parametrize('images', [1, 5])
def test_it_computes_what_mmpretrain_does(kwargs, rate, images):
    """With 0.9 there are batches of which nothing is kept."""
    theirs, ours = build(rate, **kwargs)
    tokens = torch.randn(images, 7, 12, dtype=torch.float64)
    for seed in range(10):
        torch.testing.assert_close(run(ours, tokens, seed), run(theirs, tokens, seed))
    torch.testing.assert_close(run(ours.eval(), tokens, 0), run(theirs.eval(), tokens, 0))


@pytest.mark.parametrize('rate', [0.3, 0.9])
def test_dropped_images_do_not_pass(rate):
    _, ours = build(rate)
    ours.ln1, ours.ln2 = ImageCounter(ours.ln1), ImageCounter(ours.ln2)
    tokens = torch.randn(200, 2, 12, dtype=torch.float64)
    output = ours(tokens)
    for counter in (ours.ln1, ours.ln2):
        assert counter.counts[0] == pytest.approx(200 * (1 - rate), abs=5 * (200 * rate * (1 - rate)) ** 0.5)
    untouched = (output == tokens).all(dim=(1, 2)).sum()
    assert max(0, 200 - ours.ln1.counts[0] - ours.ln2.counts[0]) <= untouched < 200
    ours.eval()(tokens)
    assert ours.ln1.counts[1] == ours.ln2.counts[1] == 200


def always(block):
    expose_class_attention(block.attn, when='always')


def gated(block):
    gate_attention(block.attn, 1)


def own(block):
    """A method's own attention, which may keep anything."""
    block.attn.__class__ = type('OwnAttention', (type(block.attn),), {})


def hooked(block):
    block.attn.register_forward_hook(lambda module, inputs, output: None)


def hooked_inside(block):
    block.attn.qkv.register_forward_pre_hook(lambda module, inputs: None)


@pytest.mark.parametrize('change', [always, gated, own, hooked, hooked_inside])
def test_attention_that_keeps_something_sees_all_images(change):
    theirs, ours = build(0.5)
    for block in (theirs, ours):
        change(block)
    tokens = torch.randn(30, 7, 12, dtype=torch.float64)
    for seed in range(3):
        torch.testing.assert_close(run(ours, tokens, seed), run(theirs, tokens, seed))
    ours.ln1, ours.ln2 = ImageCounter(ours.ln1), ImageCounter(ours.ln2)
    ours(tokens)
    assert ours.ln1.counts == [30] != ours.ln2.counts


def test_mixed_precision_keeps_the_type_of_the_tokens():
    _, ours = build(0.5)
    tokens = torch.randn(8, 7, 12, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        output = ours.float()(tokens)
    assert output.dtype == torch.float32
    output.sum().backward()
    assert tokens.grad.dtype == torch.float32
