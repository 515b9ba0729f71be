import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from mmtscam.registry import MODELS

TINY = dict(embed_dims=24, num_layers=4, num_heads=3, feedforward_channels=48)


def build(training=False, **kwargs):
    backbone = MODELS.build(dict(type='TSCAMDeiT', **{'arch': TINY, 'img_size': 32, 'patch_size': 8, **kwargs}))
    backbone.train(training)  # mmpretrain's backbones return nothing here
    return backbone


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_forward_and_backward(impl):
    backbone = build(training=True, attn_impl=impl)
    features, attention, token, _ = backbone(torch.randn(2, 3, 32, 32))
    assert features.shape == (2, 24, 4, 4)
    assert attention is None
    assert token.shape == (2, 24)
    (features.square().mean() + token.mean()).backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_evaluation_gives_attention_without_gradient():
    features, attention, _, pooled = build()(torch.randn(2, 3, 32, 32))
    assert attention.shape == (2, 4, 4, 4)
    assert features.requires_grad
    assert pooled is None
    assert not attention.requires_grad
    # Without the class-to-class entry a row sums to less than one.
    assert bool((attention.sum(dim=(2, 3)) < 1).all())
    assert bool((attention > 0).all())


def test_fused_equals_explicit():
    fused, explicit = build(), build(attn_impl='explicit')
    explicit.load_state_dict(fused.state_dict())
    images = torch.randn(2, 3, 32, 32)
    for ours, reference in zip(fused(images)[:3], explicit(images)[:3], strict=True):
        torch.testing.assert_close(ours, reference)


@pytest.mark.parametrize('arch', ['deit-tiny', 'deit-small', 'deit-base'])
def test_state_dict_is_mmpretrains(arch):
    ours = build(arch=arch, img_size=224, patch_size=16).state_dict()
    theirs = VisionTransformer(arch=arch, out_type='featmap').state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_features_are_mmpretrains():
    ours = build()
    theirs = VisionTransformer(arch=TINY, img_size=32, patch_size=8, out_type='featmap')
    theirs.eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours(images)[0], theirs(images)[0])


@pytest.mark.parametrize('size', [(32, 32), (48, 32), (24, 56)])
def test_any_input_size(size):
    features, attention, *_ = build()(torch.randn(1, 3, *size))
    assert features.shape[-2:] == attention.shape[-2:] == (size[0] // 8, size[1] // 8)


@pytest.mark.parametrize(('chosen', 'indices'), [([0, 2], [0, 2]), ([-1], [3]), ([3, 3, 1], [1, 3])])
def test_attn_layers_choose_blocks(chosen, indices):
    every = build()
    some = build(attn_layers=chosen)
    some.load_state_dict(every.state_dict())
    images = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(some(images)[1], every(images)[1][:, indices])


@pytest.mark.parametrize('chosen', [[], [4], [-5]])
def test_attn_layers_out_of_range(chosen):
    with pytest.raises(ValueError, match='attn_layers must name blocks from -4 to 3'):
        build(attn_layers=chosen)


def test_unknown_attn_impl():
    with pytest.raises(ValueError, match=r"attn_impl must be one of .* got 'flash'"):
        build(attn_impl='flash')


@pytest.mark.parametrize('kwargs', [dict(with_cls_token=False), dict(out_indices=[1]), dict(out_indices=[1, 3])])
def test_class_token_and_last_block_are_needed(kwargs):
    with pytest.raises(ValueError, match='needs class token and last block'):
        build(**kwargs)
