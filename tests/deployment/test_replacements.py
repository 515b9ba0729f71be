"""The numbers of a model while it is traced, beside its usual ones."""

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import AdaptivePadding, PatchEmbed
from mmpretrain.models.backbones import vision_transformer
from mmpretrain.models.backbones.vision_transformer import resize_pos_embed
from torch import nn
from tscam_models import WatchShapes, build_model

from mmtscam.deployment.replacements import (
    _cubic_weights,
    _means_of_slices,
    _resize_pos_embed,
    replaced,
)
from mmtscam.localization import semantic_logits
from mmtscam.models.layers import ClassAttention

MODELS = {
    'deit': {},
    'rollout': dict(attn_aggregation='rollout'),
    'class attention of one block': dict(attn_layers=[-1]),
    'overlapping patches': dict(img_size=36, patch_cfg=dict(stride=4)),
    'registers': dict(num_registers=2),
    'bilinear': dict(interpolate_mode='bilinear'),
    'sat': dict(backbone='sat', head='SATHead'),
    'conformer': dict(backbone='conformer'),
}


def outputs(model, images):
    feats = model.extract_feat(images)
    return [model.head(feats), *model.head.all_maps(feats, model.head.prepare(feats)).values()]


@pytest.mark.parametrize(('any_size', 'plain_attention'), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize('kind', MODELS)
def test_a_model_computes_the_same(kind, any_size, plain_attention):
    model = build_model(**MODELS[kind]).eval()
    sizes = ((32, 48),) if kind == 'conformer' else ((32, 32), (40, 24), (16, 48))
    for size in sizes:
        images = torch.randn(2, 3, *size)
        with torch.no_grad():
            expected = outputs(model, images)
            with replaced(model, any_size, plain_attention):
                given = outputs(model, images)
        for ours, theirs in zip(given, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_operators_that_some_runtimes_lack_are_gone():
    model = build_model(attn_layers=[-1]).eval()

    def used():
        with torch.no_grad(), WatchShapes() as watch:
            outputs(model, torch.randn(2, 3, 40, 24))
        return {name.split('.')[1] for name, _ in watch.seen}, max(len(shape) for _, shape in watch.seen)

    lacking = {'_scaled_dot_product_flash_attention_for_cpu', 'upsample_bicubic2d', 'avg_pool2d'}
    before, dimensions = used()
    assert lacking <= before
    assert dimensions == 5
    with replaced(model, any_size=True):
        after, dimensions = used()
    assert not lacking & after
    assert dimensions == 4


def test_everything_is_put_back():
    model = build_model(attn_layers=[-1])

    def state():
        shared = [vision_transformer.resize_pos_embed, AdaptivePadding.forward]
        functions = [layer.attn.scaled_dot_product_attention for layer in model.backbone.layers]
        impls = [function.impl if isinstance(function, ClassAttention) else function for function in functions]
        return shared + [(type(layer.attn), impl) for layer, impl in zip(model.backbone.layers, impls, strict=True)]

    before = state()
    with replaced(model, any_size=True):
        assert all(old != new for old, new in zip(before, state(), strict=True))
    assert state() == before
    with pytest.raises(ZeroDivisionError), replaced(model, any_size=True):
        raise ZeroDivisionError
    assert state() == before


@pytest.mark.parametrize('old', [1, 5, 14])
@pytest.mark.parametrize('new', [1, 3, 14, 20, 61])
def test_cubic_weights_resize_as_pytorch_does(old, new):
    rows = torch.randn(1, 2, old, 3)
    expected = F.interpolate(rows, size=(new, 3), mode='bicubic', align_corners=False)
    torch.testing.assert_close(_cubic_weights(old, new) @ rows, expected, atol=1e-5, rtol=0)


def test_the_same_size_changes_nothing():
    assert torch.equal(_cubic_weights(14, 14), torch.eye(14))


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
def test_position_embeddings(mode):
    embeddings = torch.randn(1, 2 + 4 * 6, 8)
    call = (embeddings, (4, 6), (7, 5), mode, 2)
    torch.testing.assert_close(_resize_pos_embed(*call), resize_pos_embed(*call), atol=1e-5, rtol=0)


@pytest.mark.parametrize(('kernel', 'stride', 'dilation'), [(8, 8, 1), (8, 4, 1), (3, 2, 2), (2, 4, 1)])
def test_constant_padding_gives_the_same_patches(kernel, stride, dilation):
    patches = PatchEmbed(1, 2, kernel_size=kernel, stride=stride, dilation=dilation)
    for height, width in ((8, 8), (16, 9), (15, 17), (11, 30)):
        image = torch.randn(1, 1, height, width)
        expected, shape = patches(image)
        with replaced(patches, any_size=True):
            given = patches(image)
            assert isinstance(patches.adaptive_padding, nn.ZeroPad2d)
        assert given[1] == shape
        torch.testing.assert_close(given[0], expected)


@pytest.mark.parametrize('kernel', [1, 3, 5])
def test_means_without_a_window(kernel):
    features, weight, bias = torch.randn(2, 4, 5, 3), torch.randn(6, 4, kernel, kernel), torch.randn(6)
    torch.testing.assert_close(
        _means_of_slices(features, weight, bias), semantic_logits(features, weight, bias), atol=1e-6, rtol=1e-5
    )
