import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from tscam_models import build_model, make_images, predict

from mmtscam.localization import PROTOCOLS, map_to_boxes
from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import norm_loss
from mmtscam.registry import MODELS


def build(**kwargs):
    return MODELS.build(dict(type='SATHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))


@pytest.fixture
def feats():
    maps = dict(foreground=torch.rand(2, 5, 4, requires_grad=True))
    return TokenFeatures(torch.randn(2, 8, 5, 4, requires_grad=True), None, torch.randn(2, 8), maps=maps)


def test_three_losses(feats):
    head = build(area=0.35).train()
    losses = head.loss(feats, make_samples(1, 5))
    assert list(losses) == ['loss_cls', 'loss_area', 'loss_norm', 'area']
    foreground = feats.further_map('foreground')
    semantic = F.conv2d(feats.patches, head.conv.weight, head.conv.bias, padding=1)
    torch.testing.assert_close(losses['loss_cls'], F.cross_entropy(semantic.mean(dim=(2, 3)), torch.tensor([1, 5])))
    # The distance of the batch's mean, and not the mean distance of the images.
    torch.testing.assert_close(losses['loss_area'], (foreground.mean() - 0.35).abs())
    torch.testing.assert_close(losses['loss_norm'], norm_loss(foreground))
    torch.testing.assert_close(losses['area'], foreground.detach().mean())
    assert not losses['area'].requires_grad


def test_the_area_of_a_closer_look_is_left_alone(feats):
    head, samples = build(area=0.35).train(), make_samples(1, 5)
    samples[1].set_metainfo(dict(zoomed=True))
    losses = head.loss(feats, samples)
    foreground = feats.further_map('foreground')
    torch.testing.assert_close(losses['loss_area'], (foreground[0].mean() - 0.35).abs())
    torch.testing.assert_close(losses['loss_norm'], norm_loss(foreground))
    samples[0].set_metainfo(dict(zoomed=True))
    losses = head.loss(feats, samples)
    assert losses['loss_area'] == 0
    assert 'area' not in losses  # there is none to be logged
    losses['loss_area'].backward()
    assert not foreground.grad.any()


def test_the_maps_losses_reach_the_backbone_alone(feats):
    head = build().train()
    losses = head.loss(feats, make_samples(1, 5))
    (losses['loss_area'] + losses['loss_norm']).backward()
    assert head.conv.weight.grad is None
    assert feats.further_map('foreground').grad.abs().sum() > 0
    assert feats.patches.grad is None


def test_several_tokens_add_half_of_their_losses(feats):
    by_token = torch.rand(2, 4, 5, 4)
    maps = dict(foreground=by_token.mean(dim=1), foreground_by_token=by_token)
    losses = build(area=0.25).train().loss(feats._replace(maps=maps), make_samples(1, 5))
    area = (by_token.mean() - 0.25).abs() + 0.5 * sum((by_token[:, i].mean() - 0.25).abs() for i in range(4))
    norm = norm_loss(by_token.mean(dim=1)) + 0.5 * sum(norm_loss(by_token[:, i]) for i in range(4))
    torch.testing.assert_close(losses['loss_area'], area)
    torch.testing.assert_close(losses['loss_norm'], norm)


def test_every_class_has_the_same_box():
    model = build_model('sat', 'SATHead')
    model.head.settings = model.head.settings_with(protocol='sat')
    for sample in predict(model, make_images('sat')):
        assert sample.class_maps.map_kind == 'foreground'
        foreground = sample.class_maps.foreground
        assert torch.equal(foreground, sample.class_maps.maps)
        assert torch.equal(foreground[0], foreground[-1])
        box = map_to_boxes(foreground[0].numpy(), PROTOCOLS['sat'])[0]
        shown = torch.as_tensor(box) * torch.tensor([40, 50, 40, 50]) / 224
        torch.testing.assert_close(sample.pred_instances.bboxes, shown.float().expand(2, -1))
        # TS-CAM's maps are there too.
        assert sample.class_maps.coupled.shape == foreground.shape


def test_gradient_of_a_step():
    model = build_model('sat', 'SATHead').train()
    losses = model(make_images('sat'), make_samples(0, 1), mode='loss')
    (losses['loss_area'] + losses['loss_norm']).backward()
    reached = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert {'backbone.loc_token', 'backbone.loc_embed', 'backbone.layers.0.attn.qkv.weight'} <= reached
    assert not any(name.startswith('head.') for name in reached)


def test_a_backbone_without_a_spatial_token_is_named(feats):
    with pytest.raises(ValueError, match="needs the map 'foreground' of the backbone, which gives none"):
        build().train().loss(feats._replace(maps=None), make_samples(1, 5))


@pytest.mark.parametrize('area', [0, 1, 25, '25%', [0.25], None])
def test_area_is_a_share(area):
    with pytest.raises(ValueError, match=r'area must be a number in \(0, 1\).*: set model.head.area'):
        build(area=area)
