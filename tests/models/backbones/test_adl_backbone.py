import copy

import pytest
import torch
import torch.nn.functional as F

from mmtscam.models.backbones.adl_backbone import attention_dropout
from mmtscam.registry import MODELS

VGG = dict(type='mmpretrain.VGG', depth=16, with_last_pool=False)
PLACES = ('features.9', 'features.12', 'features.16')


def build(**kwargs):
    return MODELS.build(dict(type='ADLBackbone', **{'backbone': VGG, 'layers': PLACES, **kwargs}))


@pytest.fixture
def features():
    return torch.randn(3, 5, 4, 6) + 0.5


def test_hiding(features):
    hidden = attention_dropout(features, 1.0, 0.8)
    for image, out in zip(features, hidden, strict=True):
        highest = max(image[:, y, x].mean().item() for y in range(4) for x in range(6))
        gone = 0
        for y in range(4):
            for x in range(6):
                is_gone = image[:, y, x].mean().item() >= 0.8 * highest
                gone += is_gone
                torch.testing.assert_close(out[:, y, x], torch.zeros(5) if is_gone else image[:, y, x])
        assert 0 < gone < 24


def test_highlighting(features):
    lit = attention_dropout(features, 0.0, 0.8)
    torch.testing.assert_close(lit, features / (1 + (-features.sum(1, keepdim=True) / 5).exp()))


def test_one_draw_a_batch_hides_as_often_as_the_rate(features):
    hidden = sum(bool((attention_dropout(features, 0.75, 0.8) == 0).any()) for _ in range(400))
    assert 270 < hidden < 330  # 300 expected, standard deviation 8.7


def layers_of_vgg16(backbone, x):
    """VGG16 by its definition, with ADL after pool3, conv4_3 and conv5_3."""
    convs = [(module.weight, module.bias) for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)]
    for stage, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for _ in range(depth):
            x = F.relu(F.conv2d(x, *convs.pop(0), padding=1))
        if stage >= 4:
            x = x * x.mean(1, keepdim=True).sigmoid()
        if stage < 5:
            x = F.max_pool2d(x, 2)
        if stage == 3:
            x = x * x.mean(1, keepdim=True).sigmoid()
    return x


def test_places_in_vgg16():
    backbone = build(drop_rate=0.0)
    backbone.train()
    images = torch.randn(2, 3, 32, 32)
    (output,) = backbone(images)
    torch.testing.assert_close(output, layers_of_vgg16(backbone, images))


def test_evaluation_is_the_plain_backbone():
    plain = MODELS.build(VGG)
    backbone = build(drop_rate=1.0)
    backbone.load_state_dict(plain.state_dict())
    plain.load_state_dict(backbone.state_dict())  # the way back: test without ADL
    backbone.eval()
    plain.eval()
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(backbone(images)[0], plain(images)[0])
    backbone.train()
    plain.train()
    assert not torch.equal(backbone(images)[0], plain(images)[0])


def test_a_copy_drops_too():
    backbone = copy.deepcopy(build(drop_rate=1.0, threshold=0.0))
    backbone.train()
    # Everything at or above zero is hidden, and these are outputs of a ReLU.
    assert not bool(backbone(torch.randn(1, 3, 32, 32))[0].any())


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(layers=()), 'layers must be a list of names of submodules'),
        (dict(layers=('features.99',)), "layers: there is no 'features.99'"),
        (dict(drop_rate=1.5), r'drop_rate and threshold must be in \[0, 1\], got 1.5 and 0.9'),
        (dict(threshold=-0.1), r'drop_rate and threshold must be in \[0, 1\], got 0.75 and -0.1'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
