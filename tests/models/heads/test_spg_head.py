import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.models.heads import SPGHead
from mmtscam.models.heads.spg_head import guided_loss
from mmtscam.registry import MODELS


def build(**kwargs):
    settings = dict(num_classes=6, in_channels=(4, 8), hidden_channels=(7, 5), guide_channels=3, stride=8)
    head = MODELS.build(dict(type='SPGHead', threshold=0.2, **{**settings, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return (torch.randn(2, 4, 5, 4), torch.randn(2, 8, 5, 4))


def loss_by_hand(logits, guidance, high, low):
    """Pixel by pixel."""
    terms = []
    for one_logits, one_guidance in zip(logits.flatten(1).tolist(), guidance.flatten(1).tolist(), strict=True):
        limit = high if sum(value > high for value in one_guidance) >= 30 else 0.7 * max(one_guidance)
        for logit, value in zip(one_logits, one_guidance, strict=True):
            probability = 1 / (1 + math.exp(-logit))
            if value < low:
                terms.append(-math.log(1 - probability))
            elif value > limit:
                terms.append(-math.log(probability))
    return sum(terms) / len(terms)


# About 50, 5 and none of the 168 pixels are above 0.7; fewer than 30 do not count.
# With the last scale all are below 0.01, so background.
@pytest.mark.parametrize('scale', [1.0, 0.72, 0.1, 0.009])
def test_guided_loss(scale):
    logits, guidance = torch.randn(2, 1, 12, 14), scale * torch.rand(2, 1, 12, 14)
    ours = guided_loss(logits, guidance, 0.7, 0.01)
    assert ours.item() == pytest.approx(loss_by_hand(logits, guidance, 0.7, 0.01), rel=1e-5)


def test_guidance_of_an_image_without_any_is_background():
    loss = guided_loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), 0.7, 0.01)
    assert loss.item() == pytest.approx(math.log(2))


def branch(modules, x):
    for conv in (module for module in modules if isinstance(module, torch.nn.Conv2d)):
        x = F.conv2d(x, conv.weight, conv.bias, padding=conv.weight.shape[-1] // 2)
        x = F.relu(x) if conv.weight.shape[-1] == 3 else x
    return x


def test_losses(feats):
    head = build()
    losses = head.loss(feats, make_samples(1, 5))
    hidden = branch(head.classifier[:-1], feats[1])
    maps = F.conv2d(hidden, head.classifier[-1].weight, head.classifier[-1].bias)

    def enlarge(x):
        return F.interpolate(x, size=(40, 32), mode='bilinear', align_corners=False)

    attention = enlarge(torch.stack([maps[0, 1], maps[1, 5]])[:, None])
    attention = torch.stack([(one - one.min()) / (one.max() - one.min()) for one in attention])
    b1 = enlarge(branch(head.shared_guide, branch(head.guides[0], feats[0])))
    b2 = enlarge(branch(head.shared_guide, branch(head.guides[1], feats[1])))
    c = enlarge(branch(head.last_guide, hidden))
    fused = (torch.sigmoid(b1) + torch.sigmoid(b2)) / 2
    expected = dict(
        loss_cls=F.cross_entropy(maps.mean(dim=(2, 3)), torch.tensor([1, 5])).item(),
        loss_b2=loss_by_hand(b2, attention, 0.7, 0.01),
        loss_b1=loss_by_hand(b1, torch.sigmoid(b2), 0.5, 0.05),
        loss_c=loss_by_hand(c, fused, 0.7, 0.1),
    )
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected, rel=1e-4)


def test_with_three_feature_maps_a_goes_on_from_the_last(feats):
    head = build(in_channels=(4, 8, 6))
    last = torch.randn(2, 6, 5, 4)
    losses = head.loss((*feats, last), make_samples(1, 5))
    two = build()  # the same branches, on other maps
    two.guides.load_state_dict(head.guides.state_dict())
    two.shared_guide.load_state_dict(head.shared_guide.state_dict())
    b1 = F.interpolate(branch(two.shared_guide, branch(two.guides[0], feats[0])), scale_factor=8, mode='bilinear')
    b2 = F.interpolate(branch(two.shared_guide, branch(two.guides[1], feats[1])), scale_factor=8, mode='bilinear')
    hidden = branch(head.classifier[:-1], last)
    maps = F.conv2d(hidden, head.classifier[-1].weight, head.classifier[-1].bias)
    c = F.interpolate(branch(head.last_guide, hidden), scale_factor=8, mode='bilinear')
    expected = dict(
        loss_cls=F.cross_entropy(maps.mean(dim=(2, 3)), torch.tensor([1, 5])).item(),
        loss_b1=loss_by_hand(b1, torch.sigmoid(b2), 0.5, 0.05),
        loss_c=loss_by_hand(c, (torch.sigmoid(b1) + torch.sigmoid(b2)) / 2, 0.7, 0.1),
    )
    assert {name: losses[name].item() for name in expected} == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(head.eval()((*feats, last)), maps.mean(dim=(2, 3)))
    sum(losses.values()).backward()
    assert all(bool(parameter.grad.any()) for parameter in head.parameters())


def test_earlier_feature_maps_than_the_head_needs_are_left_out(feats):
    head = build()
    plain = head.loss(feats, make_samples(1, 5))
    more = head.loss((torch.randn(2, 3, 10, 8), *feats), make_samples(1, 5))
    assert all(torch.equal(more[name], value) for name, value in plain.items())


def test_too_few_feature_maps(feats):
    with pytest.raises(ValueError, match='SPGHead works on 3 feature maps'):
        build(in_channels=(4, 8, 8)).loss(feats, make_samples(1, 5))


def test_guidance_is_not_trained_by_those_it_guides(feats):
    head = build()
    losses = head.loss(feats, make_samples(1, 5))
    losses['loss_b2'].backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in head.classifier.parameters())
    losses['loss_c'].backward(retain_graph=True)
    # C stands on A's hidden layers, but not on its classifier.
    assert head.classifier[0].weight.grad is not None
    assert head.classifier[-1].weight.grad is None
    assert head.guides[0][0].weight.grad is None
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_prediction_is_that_of_cam(feats):
    head = build().eval()
    cam = MODELS.build(dict(type='CAMHead', threshold=0.2, num_classes=6, in_channels=8, hidden_channels=(7, 5))).eval()
    state = head.state_dict()
    cam.load_state_dict({name: value for name, value in state.items() if name.startswith('classifier.')})
    for ours, theirs in zip(
        head.predict(feats, make_samples(1, 5)), cam.predict(feats, make_samples(1, 5)), strict=True
    ):
        assert torch.equal(ours.class_maps.maps, theirs.class_maps.maps)
        assert torch.equal(ours.pred_instances.bboxes, theirs.pred_instances.bboxes)


def test_soft_labels_are_refused(feats):
    samples = [sample.set_gt_score(torch.rand(6)) for sample in make_samples(1, 5)]
    with pytest.raises(ValueError, match='SPGHead needs one true class an image: leave batch augmentations'):
        build().loss(feats, samples)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(in_channels=(8,)), r'in_channels must name the channels of two or three feature maps, got \[8\]'),
        (dict(in_channels=(2, 4, 6, 8)), r'of two or three feature maps, got \[2, 4, 6, 8\]'),
        (dict(thresholds=((0.7, 0.01),)), 'thresholds must be three pairs'),
        (dict(thresholds=((0.7, 0.01), (0.05, 0.5), (0.7, 0.1))), 'thresholds must be three pairs'),
        (dict(thresholds=((0.7, 0.0), (0.5, 0.05), (0.7, 0.1))), 'thresholds must be three pairs'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_a_subclass_adds_a_loss(feats):
    class More(SPGHead):
        def extra_losses(self, feats, data_samples):
            return dict(loss_more=feats.mean())

    head = build()
    plain = head.loss(feats, make_samples(1, 2))
    head.__class__ = More
    assert head.loss(feats, make_samples(1, 2)).keys() == {*plain, 'loss_more'}
