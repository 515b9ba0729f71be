import math

import pytest
import torch
import torch.nn.functional as F
from tscam_models import BACKBONES, PATCH, make_images, randomise

from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS

WIDTH = 20


def build(**kwargs):
    neck = MODELS.build(dict(type='SimpleFeaturePyramid', **{'in_channels': WIDTH, 'out_channels': 6, **kwargs}))
    randomise(neck)
    return neck


def features(rows=4, columns=6, batch=2):
    patches = torch.randn(batch, WIDTH, rows, columns)
    return TokenFeatures(patches, torch.rand(batch, 3, rows, columns), torch.randn(batch, WIDTH))


@pytest.mark.parametrize('name', BACKBONES)
def test_levels_of_our_backbones(name):
    """From training and from evaluation, where attention comes with the map."""
    backbone, neck = MODELS.build(BACKBONES[name]), build(num_outs=5)
    images = make_images(name, rows=6, columns=4)
    for training in (True, False):
        backbone.train(training)
        feats = backbone(images)
        assert (feats.attention is None) == training
        levels = neck(feats)
        strides = [PATCH[name] // 4 * 2**level for level in range(5)]
        expected = [(2, 6, *(math.ceil(side / stride) for side in images.shape[-2:])) for stride in strides]
        assert [level.shape for level in levels] == expected


@pytest.mark.parametrize(('rows', 'columns'), [(1, 1), (3, 5), (7, 2)])
def test_levels_of_odd_maps_cover_the_image(rows, columns):
    levels = build(num_outs=6)(features(rows, columns))
    for level, scale in zip(levels, (4, 2, 1, 1 / 2, 1 / 4, 1 / 8), strict=True):
        assert level.shape == (2, 6, math.ceil(rows * scale), math.ceil(columns * scale))


def test_other_scales():
    levels = build(scales=(2, 0.25))(features(8, 4))
    assert [level.shape[-2:] for level in levels] == [(16, 8), (2, 1)]


def layer_norm(maps, layer):
    """Over channels, written out."""
    mean = maps.mean(dim=1, keepdim=True)
    variance = ((maps - mean) ** 2).mean(dim=1, keepdim=True)
    normed = (maps - mean) / torch.sqrt(variance + layer.eps)
    return normed * layer.weight[:, None, None] + layer.bias[:, None, None]


def deconvolve(maps, layer):
    """Stride 2, kernel 2: each position becomes the four of a 2 x 2 block."""
    blocks = torch.einsum('bchw,cdij->bdhiwj', maps, layer.weight)
    return blocks.flatten(4, 5).flatten(2, 3) + layer.bias[:, None, None]


def convolve(maps, layer):
    """Any odd kernel, zeros around, written as a sum of shifted maps."""
    size = layer.weight.shape[-1]
    padded = F.pad(maps, [size // 2] * 4)
    height, width = maps.shape[-2:]
    return sum(
        torch.einsum('bchw,dc->bdhw', padded[..., y : y + height, x : x + width], layer.weight[..., y, x])
        for y in range(size)
        for x in range(size)
    )


def test_levels_are_those_of_the_paper():
    neck, feats = build(), features()
    patches = feats.patches
    shrunk = patches.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).amax(dim=(-1, -3))
    large, half, same, small = neck.levels
    gelu = (
        0.5
        * (enlarged := layer_norm(deconvolve(patches, large[0]), large[1]))
        * (1 + torch.erf(enlarged / math.sqrt(2)))
    )
    resampled = [deconvolve(gelu, large[3]), deconvolve(patches, half[0]), patches, shrunk]
    assert [maps.shape[1] for maps in resampled] == [WIDTH // 4, WIDTH // 2, WIDTH, WIDTH]
    for maps, level, output in zip(resampled, (large, half, same, small), neck(feats), strict=True):
        project, project_norm, smooth, smooth_norm = level[-4:]
        assert (project.kernel_size, smooth.kernel_size) == ((1, 1), (3, 3))
        expected = layer_norm(convolve(layer_norm(convolve(maps, project), project_norm), smooth), smooth_norm)
        torch.testing.assert_close(output, expected)


def test_further_levels_take_every_other_position():
    *_, last, further = build(num_outs=5)(features(8, 12))
    assert torch.equal(further, last[..., ::2, ::2])


def test_gradients_reach_every_parameter():
    """Those of the backbone's class token too: no parameter is left out in distributed training."""
    backbone, neck = MODELS.build(BACKBONES['deit']), build(num_outs=5)
    randomise(backbone)
    levels = neck(backbone(make_images('deit')))
    sum((level * torch.randn_like(level)).mean() for level in levels).backward()
    for module in (backbone, neck):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.abs().max() > 0), name


def test_a_plain_tuple_will_do():
    neck, feats = build(), features()
    for ours, theirs in zip(neck(feats), neck((feats.patches,)), strict=True):
        assert torch.equal(ours, theirs)


def test_map_of_another_width():
    with pytest.raises(ValueError, match=r'starts with a map \(B, 24, h, w\), got .*\(2, 20, 4, 6\).*embed_dims'):
        build(in_channels=24)(features())
    with pytest.raises(ValueError, match=r'got one with \(20, 4, 6\) first'):
        build()(features().patches)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(scales=()), r'powers of two, got \[\]'),
        (dict(scales=(3, 1)), r'powers of two, got \[3, 1\]'),
        (dict(scales=(0,)), r'powers of two, got \[0\]'),
        (dict(in_channels=6), 'multiple of 4, the largest scale, got 6'),
        (dict(num_outs=3), 'at least the number of scales, got 3 and 4'),
    ],
)
def test_settings_that_do_not_fit(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_autocast_and_init_cfg(dtype):
    neck = build(init_cfg=dict(type='Constant', layer='Conv2d', val=0.5))
    neck.init_weights()
    assert bool((neck.levels[0][-4].weight == 0.5).all())
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
        levels = neck(features())
    assert all(bool(torch.isfinite(level).all()) for level in levels)
