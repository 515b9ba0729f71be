import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from tscam_models import WatchShapes, build_model, make_images, predict, training_step

from mmtscam.localization import explicit_attention, propagated_attention
from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS


@pytest.mark.parametrize('chunk', [3, 256])
def test_attention_is_passed_on_by_the_matrix(chunk):
    query, key = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randn(2, 3, 7, 5, dtype=torch.float64)
    matrix = explicit_attention(query, key, key)[1].mean(dim=1)
    expected = (matrix[:, :1] @ matrix)[:, 0] / 7
    torch.testing.assert_close(propagated_attention(query, key, chunk), expected)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(propagated_attention(query, key, chunk), expected)


def build(**kwargs):
    return MODELS.build(dict(type='LCTRHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))


@pytest.fixture
def feats():
    maps = dict(propagated=torch.rand(2, 3, 5, 4))
    return TokenFeatures(torch.randn(2, 8, 5, 4), torch.rand(2, 3, 5, 4) / 20, torch.randn(2, 8), maps=maps)


def test_each_image_has_a_kernel_of_its_own(feats):
    """Image by image, with the kernel mixed before the convolution."""
    head = build().eval()
    with torch.no_grad():
        head.kernels.normal_()
    prepared = head.prepare(feats)
    attention = feats.attention.mean(dim=1)
    for index in range(2):
        patches = feats.patches[index]
        cues = head.cues((patches * (1 - attention[index]))[None])[0]
        shares = head.share_of_mean(cues.mean(dim=(1, 2))) + head.share_of_peak(cues.amax(dim=(1, 2)))
        kernel = sum(share * one for share, one in zip(shares.sigmoid(), head.kernels, strict=True))
        expected = F.conv2d(patches[None], kernel, head.bias, padding=1)[0]
        torch.testing.assert_close(prepared.semantic[index], expected, atol=1e-5, rtol=1e-5)
        smooth = F.avg_pool2d(expected, 3, stride=1, padding=1)
        torch.testing.assert_close(head.logits(prepared)[index], smooth.mean(dim=(1, 2)), atol=1e-5, rtol=1e-5)
    maps = head.maps(prepared, torch.tensor([[3, 0], [5, 5]]))
    semantic = prepared.semantic[torch.arange(2)[:, None], torch.tensor([[3, 0], [5, 5]])]
    torch.testing.assert_close(maps['coupled'], semantic.relu() * feats.maps['propagated'].mean(dim=1)[:, None])
    assert torch.equal(maps['semantic'], semantic)


def test_start_of_the_kernels():
    head = build(num_classes=50, in_channels=12)
    bound = 1 / math.sqrt(50 * 12 * 9)
    for parameter in (head.kernels, head.bias):
        assert parameter.abs().max() <= bound
        assert parameter.abs().max() > 0.9 * bound


@pytest.mark.parametrize(('num_classes', 'more'), [(200, 3.40), (1000, 11.7)])
def test_number_of_parameters_beside_tscam(num_classes, more):
    heads = [
        MODELS.build(dict(type=kind, num_classes=num_classes, in_channels=384)) for kind in ('LCTRHead', 'TSCAMHead')
    ]
    ours, tscam = (sum(parameter.numel() for parameter in head.parameters()) for head in heads)
    assert (ours - tscam) / 1e6 == pytest.approx(more, abs=0.05)


def test_a_model_trains_and_predicts_without_a_matrix():
    model = build_model('deit', 'LCTRHead', type='LCTRDeiT', attention='always')
    images = make_images('deit')
    with WatchShapes() as watched:
        _, gradients = training_step(model, images)
    assert watched.attention_matrices(36) == []
    # The classification loss reaches the attention, by the cues that it leaves out.
    assert gradients['backbone.layers.2.attn.qkv.weight'][:20].abs().sum() > 0
    assert gradients['head.share_of_peak.weight'].abs().sum() > 0
    for sample in predict(model, images):
        assert sample.class_maps.map_kind == 'coupled'
        assert sample.class_maps.coupled.min() >= 0
        assert sample.class_maps.propagated.shape[-2:] == (5, 7)


def test_attention_is_needed_in_training(feats):
    with pytest.raises(ValueError, match=r"set model\.backbone\.attention='always'"):
        build().train().loss(feats._replace(attention=None), make_samples(1, 5))
