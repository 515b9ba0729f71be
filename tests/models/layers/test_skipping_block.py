import copy

import pytest
import torch
from mmcv.cnn.bricks.transformer import FFN
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import nn
from torch.utils.checkpoint import checkpoint
from tscam_models import build_model, make_images

from mmtscam.models.layers import expose_class_attention, gate_attention, skip_dropped_paths


def build(drop_path_rate=0.5, **kwargs):
    """mmpretrain's block, and ours with the same weights."""
    theirs = TransformerEncoderLayer(12, 3, 24, drop_path_rate=drop_path_rate, **kwargs).double()
    ours = copy.deepcopy(theirs)
    expose_class_attention(ours.attn)
    skip_dropped_paths(ours)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return theirs, ours


def run(block, tokens, seed):
    torch.manual_seed(seed)
    tokens = tokens.clone().requires_grad_()
    output = block(tokens)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output, *torch.autograd.grad((output * weights).sum(), [tokens, *block.parameters()]), torch.rand(1)]


class Counter(nn.Module):
    """Notes how many images pass a norm."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.counts = layer, []

    def forward(self, x):
        self.counts.append(len(x))
        return self.layer(x)


def count_images(block, tokens):
    """How many of the images go through attention, and how many through the MLP."""
    block.ln1, block.ln2 = Counter(block.ln1), Counter(block.ln2)
    block(tokens)
    return block.ln1.counts[0], block.ln2.counts[0]


@pytest.mark.parametrize('kwargs', [{}, dict(layer_scale_init_value=0.3), dict(ffn_type='swiglu_fused')])
@pytest.mark.parametrize('rate', [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize('images', [1, 5])
def test_it_computes_what_mmpretrain_does(kwargs, rate, images):
    """With 0.9 there are batches of which nothing is kept."""
    theirs, ours = build(rate, **kwargs)
    tokens = torch.randn(images, 7, 12, dtype=torch.float64)
    for seed in range(10 if rate < 1 else 0):  # mmpretrain divides by 0 with 1
        torch.testing.assert_close(run(ours, tokens, seed), run(theirs, tokens, seed))
    torch.testing.assert_close(run(ours.eval(), tokens, 0), run(theirs.eval(), tokens, 0))


@pytest.mark.parametrize('rate', [0.3, 0.9])
def test_dropped_images_do_not_pass(rate):
    _, ours = build(rate)
    tokens = torch.randn(200, 2, 12, dtype=torch.float64)
    assert count_images(copy.deepcopy(ours).eval(), tokens) == (200, 200)
    tolerance = 5 * (200 * rate * (1 - rate)) ** 0.5
    assert count_images(ours, tokens) == (pytest.approx(200 * (1 - rate), abs=tolerance),) * 2


class Keeper(nn.Module):
    """A wrapper that keeps what passes, as a method's own layer may."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, **kwargs):
        self.kept = x
        return self.layer(x, **kwargs)


def always(block):
    expose_class_attention(block.attn, when='always')


def gated(block):
    gate_attention(block.attn, 1)


def own_class(block):
    block.attn.__class__ = type('OwnAttention', (type(block.attn),), {})


def wrapped(block):
    block.attn = Keeper(block.attn)


def checkpointed(block):
    attend = block.attn.forward
    block.attn = Keeper(block.attn)
    block.attn.forward = lambda x: checkpoint(attend, x, use_reentrant=False)


def hooked(block):
    block.attn.register_forward_hook(lambda module, inputs, output: None)


def hooked_inside(block):
    block.attn.qkv.register_forward_pre_hook(lambda module, inputs: None)


def hooked_backward(block):
    block.attn.proj.register_full_backward_hook(lambda module, gradients, outputs: None)


@pytest.mark.parametrize(
    'change', [always, gated, own_class, wrapped, checkpointed, hooked, hooked_inside, hooked_backward]
)
def test_attention_that_may_keep_something_sees_all_images(change):
    theirs, ours = build(0.5)
    for block in (theirs, ours):
        change(block)
    tokens = torch.randn(30, 7, 12, dtype=torch.float64, requires_grad=True)
    for seed in range(3):
        torch.testing.assert_close(run(ours, tokens, seed), run(theirs, tokens, seed))
    attention, mlp = count_images(ours, tokens)
    assert attention == 30 > mlp


def test_an_mlp_of_ones_own_sees_all_images():
    theirs, ours = build(0.5)
    for block in (theirs, ours):
        block.ffn = Keeper(block.ffn)
    tokens = torch.randn(30, 7, 12, dtype=torch.float64)
    torch.testing.assert_close(run(ours, tokens, 0), run(theirs, tokens, 0))
    attention, mlp = count_images(ours, tokens)
    assert attention < 30 == mlp


def test_its_parts_are_mmpretrains():
    """Another MLP takes the place of the first one, and the drop paths stay where they are read."""
    theirs, ours = build(0.5)
    mlp = FFN(12, 24, 2, act_cfg=dict(type='GELU'), dropout_layer=dict(type='DropPath', drop_prob=0.2)).double()
    theirs.ffn, ours.ffn = mlp, copy.deepcopy(mlp)
    tokens = torch.randn(9, 7, 12, dtype=torch.float64)
    torch.testing.assert_close(run(ours, tokens, 0), run(theirs, tokens, 0))
    assert (ours.attn.out_drop.drop_prob, ours.ffn.dropout_layer.drop_prob) == (0.5, 0.2)


def test_mixed_precision_drops_the_same_images():
    theirs, ours = build(0.5)
    tokens = torch.randn(16, 7, 12)
    with torch.autocast('cpu', torch.bfloat16):
        output, expected = (run(block.float(), tokens, 7)[0] for block in (ours, theirs))
    untouched = (expected == tokens).all(dim=(1, 2))
    assert 0 < untouched.sum() < 16
    assert torch.equal((output == tokens).all(dim=(1, 2)), untouched)
    torch.testing.assert_close(output, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ('kind', 'attention', 'all_from'), [('deit', 'eval', 4), ('deit', 'always', 0), ('sat', 'eval', 1)]
)
def test_the_blocks_of_our_backbones_skip(kind, attention, all_from):
    """Attention sees all images from the first block on that keeps something of each."""
    backbone = build_model(kind, attention=attention, drop_path_rate=0.9).backbone.train()
    for layer in backbone.layers:
        layer.ln1, layer.ln2 = Counter(layer.ln1), Counter(layer.ln2)
    backbone(torch.cat([make_images(kind)] * 10))
    images = backbone.layers[0].ln1.counts[0]  # its drop path is 0
    for index, layer in enumerate(backbone.layers[1:], start=1):
        assert (layer.ln1.counts[0] < images) == (index < all_from)
        assert layer.ln2.counts[0] < images
