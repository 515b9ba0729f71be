"""The faster layout gives the same numbers, in every convolutional backbone."""

import pytest
import torch
from mmengine.config import Config

from mmtscam.registry import MODELS

NETWORKS = ('vgg16', 'resnet50', 'googlenet', 'inceptionv3', 'efficientnet-lite0')


def build(repo, network, channels_last):
    if network.startswith('efficientnet'):
        pytest.importorskip('timm')
    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'models' / f'cam_{network}.py').model.backbone
    cfg.update(init_cfg=None, channels_last=channels_last)
    torch.manual_seed(0)
    backbone = MODELS.build(cfg)
    backbone.eval()
    return backbone


@pytest.mark.parametrize('network', NETWORKS)
@pytest.mark.slow
def test_numbers_and_gradients_are_those_of_the_other_layout(repo, network):
    """Outputs in single precision; gradients in double, for a rounding may choose another maximum in a pooling."""
    images = torch.randn(2, 3, 96, 96)
    outputs, gradients = [], []
    for channels_last in (False, True):
        backbone = build(repo, network, channels_last)
        assert list(backbone.state_dict()) == list(build(repo, network, not channels_last).state_dict())
        with torch.no_grad():
            outputs.append(backbone(images)[-1])
        assert outputs[-1].is_contiguous(memory_format=torch.channels_last) == channels_last
        assert outputs[-1].is_contiguous() != channels_last
        backbone.double()(images.double())[-1].pow(2).mean().backward()
        gradients.append([parameter.grad for parameter in backbone.parameters() if parameter.grad is not None])
    assert (outputs[0] - outputs[1]).abs().max() <= 1e-4 * outputs[0].abs().max()
    for one, other in zip(*gradients, strict=True):
        assert (one - other).abs().max() <= 1e-9 * one.abs().max()


def test_other_devices_keep_the_layout(repo):
    backbone = build(repo, 'resnet50', True).to('meta')
    assert backbone(torch.empty(1, 3, 64, 64, device='meta'))[-1].is_contiguous()


@pytest.mark.parametrize(('channels', 'channels_last'), [(8, False), (16, True)])
def test_very_narrow_networks_keep_the_layout(channels, channels_last):
    backbone = MODELS.build(dict(type='CAMResNet', depth=18, base_channels=channels, stem_channels=channels))
    with torch.no_grad():
        features = backbone(torch.zeros(1, 3, 64, 64))[-1]
    assert features.is_contiguous(memory_format=torch.channels_last) == channels_last
