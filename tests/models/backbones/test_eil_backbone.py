import copy

import pytest
import torch

from mmtscam.registry import MODELS

VGG = dict(type='mmpretrain.VGG', depth=11, num_stages=3, dilations=(1, 1, 1), out_indices=(2,))
# The second pooling and the third.
PLACES = ('features.3', 'features.6')


def build(layers=PLACES, threshold=0.7, **kwargs):
    cfg = dict(type='EILBackbone', backbone=dict(VGG, **kwargs), layers=layers, threshold=threshold)
    backbone = MODELS.build(cfg)
    backbone.init_weights()
    backbone.double().train()  # which returns nothing
    return backbone


@pytest.fixture
def images():
    return torch.randn(3, 3, 32, 32, dtype=torch.float64)


def erase(features, threshold):
    """Image by image."""
    erased = []
    for image in features:
        attention = image.sum(dim=0) / len(image)
        erased.append(image * (attention < threshold * attention.max()))
    return torch.stack(erased)


def run(backbone, x, start, end):
    """Some layers by themselves, without their hooks."""
    for layer in backbone.features[start:end]:
        x = layer.forward(x)
    return x


def streams_by_hand(backbone, images, threshold=0.7):
    """The three streams, each in a pass of its own."""
    middle = run(backbone, images, 0, 4)
    last = run(backbone, middle, 4, 7)
    return last, run(backbone, erase(middle, threshold), 4, 7), erase(last, threshold)


@pytest.mark.parametrize('layers', [PLACES, PLACES[::-1]])
def test_streams_and_gradients_are_those_of_separate_passes(images, layers):
    backbone = build(layers)
    (rows,) = backbone(images)
    expected = streams_by_hand(backbone, images)
    assert rows.shape == (9, 256, 4, 4)
    torch.testing.assert_close(rows, torch.cat(expected))
    assert all((expected[0] - erased).abs().max() > 0.01 for erased in expected[1:])

    weights, parameters = torch.randn_like(rows), list(backbone.parameters())
    ours = torch.autograd.grad((rows * weights).sum(), parameters)
    by_hand = torch.autograd.grad((torch.cat(expected) * weights).sum(), parameters)
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_threshold_decides(images):
    backbone = build(threshold=0.4)
    torch.testing.assert_close(backbone(images)[0], torch.cat(streams_by_hand(backbone, images, threshold=0.4)))


def test_evaluation_is_the_plain_backbone(images):
    plain, backbone = MODELS.build(VGG).double(), build()
    plain.load_state_dict(backbone.state_dict())
    assert backbone(images)[0].shape[0] == 9
    for model in (plain, backbone):
        model.eval()
    # A second size of batch, after one in training.
    assert torch.equal(backbone(images[:2])[0], plain(images[:2])[0])


def test_a_failed_pass_leaves_nothing(images):
    backbone = build()
    with pytest.raises(RuntimeError):
        backbone(images[:, :2])
    assert backbone(images[:2])[0].shape[0] == 6


def test_a_copy_counts_for_itself(images):
    backbone = build()
    other = copy.deepcopy(backbone)
    backbone(images)
    torch.testing.assert_close(other(images[:2])[0], torch.cat(streams_by_hand(backbone, images[:2])))


def test_frozen_layers_are_followed_by_streams_too(images):
    backbone = build(frozen_stages=2)
    assert not backbone.features[3].training
    torch.testing.assert_close(backbone(images)[0], torch.cat(streams_by_hand(backbone, images)))


def test_batch_norm_has_the_statistics_of_all_streams(images):
    backbone = build(('features.3',), norm_cfg=dict(type='BN', momentum=1.0))
    plain = copy.deepcopy(backbone)
    backbone(images)
    middle = run(plain, images, 0, 4)
    both = plain.features[4].conv(torch.cat([middle, erase(middle, 0.7)]))
    running_mean = backbone.features[4].norm.running_mean
    torch.testing.assert_close(running_mean, both.mean(dim=(0, 2, 3)))
    assert (running_mean - both[:3].mean(dim=(0, 2, 3))).abs().max() > 0.01


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(layers=()), 'layers must be a list of names of submodules'),
        (dict(layers=('features.99',)), "layers: there is no 'features.99'"),
        (dict(threshold=0), r'threshold must be in \(0, 1\], got 0'),
        (dict(threshold=1.1), r'threshold must be in \(0, 1\], got 1.1'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
