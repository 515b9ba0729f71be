import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.models.heads import ACoLHead
from mmtscam.registry import MODELS


def build(**kwargs):
    kwargs = {'num_classes': 6, 'in_channels': 8, 'hidden_channels': (7, 5), **kwargs}
    head = MODELS.build(dict(type='ACoLHead', threshold=0.2, **kwargs))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return (torch.randn(2, 8, 5, 4),)


def scaled(one_map):
    return (one_map - one_map.min()) / (one_map.max() - one_map.min())


def maps_of(classifier, features):
    """A branch by hand: two 3x3 convolutions with ReLU, a 1x1 one."""
    convs = [module for module in classifier if isinstance(module, torch.nn.Conv2d)]
    for conv in convs[:-1]:
        features = F.relu(F.conv2d(features, conv.weight, conv.bias, padding=1))
    return F.conv2d(features, convs[-1].weight, convs[-1].bias)


def erase(features, one_map, threshold):
    features = features.clone()
    for y in range(features.shape[1]):
        for x in range(features.shape[2]):
            if scaled(one_map)[y, x] >= threshold:
                features[:, y, x] = 0
    return features


@pytest.mark.parametrize('threshold', [0.3, 0.7, 1.0])
def test_loss(feats, threshold):
    head = build(erase_threshold=threshold)
    losses = head.loss(feats, make_samples(1, 5))
    labels = torch.tensor([1, 5])
    first = maps_of(head.classifier, feats[0])
    erased = torch.stack([erase(feats[0][i], first[i, labels[i]].detach(), threshold) for i in range(2)])
    second = maps_of(head.second_classifier, erased)
    assert set(losses) == {'loss_first', 'loss_second'}
    torch.testing.assert_close(losses['loss_first'], F.cross_entropy(first.mean(dim=(2, 3)), labels))
    torch.testing.assert_close(losses['loss_second'], F.cross_entropy(second.mean(dim=(2, 3)), labels))
    torch.testing.assert_close(head(feats), first.mean(dim=(2, 3)))


def test_the_second_loss_does_not_train_the_first_classifier(feats):
    head = build()
    head.loss(feats, make_samples(1, 5))['loss_second'].backward()
    assert all(parameter.grad is None for parameter in head.classifier.parameters())
    assert all(bool(parameter.grad.any()) for parameter in head.second_classifier[-1:].parameters())


def test_each_map_is_fused_with_what_is_left_by_that_very_class(feats):
    head = build(topk=3).eval()
    first = maps_of(head.classifier, feats[0]).detach()
    for index, sample in enumerate(head.predict(feats, make_samples(1, 5))):
        assert len(sample.class_maps) >= 3
        for label, ours in zip(sample.class_maps.labels.tolist(), sample.class_maps.maps, strict=True):
            one_map = first[index, label]
            erased = erase(feats[0][index], one_map, 0.7)
            second = maps_of(head.second_classifier, erased[None])[0, label].detach()
            torch.testing.assert_close(ours, torch.maximum(scaled(one_map), scaled(second)))
        assert bool(torch.isfinite(sample.pred_instances.bboxes).all())


def test_soft_labels_are_refused(feats):
    samples = [sample.set_gt_score(torch.rand(6)) for sample in make_samples(1, 5)]
    with pytest.raises(ValueError, match='ACoLHead needs one true class an image: leave batch augmentations'):
        build().loss(feats, samples)


@pytest.mark.parametrize('threshold', [0, 1.1])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match=r'erase_threshold must be in \(0, 1\]'):
        build(erase_threshold=threshold)


def test_a_subclass_adds_a_loss(feats):
    class More(ACoLHead):
        def extra_losses(self, feats, data_samples):
            return dict(loss_more=feats.mean())

    head = build()
    plain = head.loss(feats, make_samples(1, 2))
    head.__class__ = More
    assert head.loss(feats, make_samples(1, 2)).keys() == {*plain, 'loss_more'}
