import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from tscam_models import build_model, make_images

from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample


def build(**kwargs):
    head = MODELS.build(dict(type='TSCAMHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return TokenFeatures(torch.randn(2, 8, 5, 4), torch.rand(2, 3, 5, 4), torch.randn(2, 8))


def test_loss_is_cross_entropy_on_the_mean_of_the_semantic_maps(feats):
    head = build().train()
    losses = head.loss(feats._replace(attention=None), make_samples(1, 5))
    conv = F.conv2d(feats[0], head.conv.weight, head.conv.bias, padding=1)
    torch.testing.assert_close(losses['loss'], F.cross_entropy(conv.flatten(2).mean(2), torch.tensor([1, 5])))
    losses['loss'].backward()
    assert bool(head.conv.weight.grad.abs().sum() > 0)


@pytest.mark.parametrize('mode', ['coupled', 'attention', 'semantic'])
def test_predict_fills_the_sample(feats, mode):
    head = build(map_kind=mode, topk=3).eval()
    samples = head.predict(feats, make_samples(1, 5))
    semantic = head.maps(feats)['semantic'].detach()
    aggregated = feats[1].mean(1)
    for index, sample in enumerate(samples):
        best = semantic[index].mean(dim=(1, 2)).argsort(descending=True)[:3].tolist()
        assert sample.pred_instances.labels.tolist() == best
        assert sample.pred_label.item() == best[0]
        torch.testing.assert_close(sample.pred_instances.scores, sample.pred_score[best])
        labels = sample.class_maps.labels.tolist()
        truth = sample.gt_label.item()
        assert labels == best + ([truth] if truth not in best else [])
        expected = {
            'attention': aggregated[index].expand(len(labels), -1, -1),
            'semantic': semantic[index][labels],
            'coupled': aggregated[index] * semantic[index][labels],
        }
        for name, maps in expected.items():
            torch.testing.assert_close(sample.class_maps[name], maps)
        torch.testing.assert_close(sample.class_maps.maps, expected[mode])
        assert sample.pred_instances.bboxes.shape == (3, 4)
        assert bool((sample.pred_instances.bboxes <= torch.tensor([40, 50, 40, 50])).all())


def test_more_classes_are_asked_for_than_there_are(feats):
    (sample, _) = build(topk=50).eval().predict(feats, make_samples(0, 1))
    assert len(sample.pred_instances) == len(sample.class_maps) == 6


def test_predict_without_samples(feats):
    samples = build().eval().predict(feats)
    assert len(samples) == 2
    assert isinstance(samples[0], LocDataSample)
    assert 'gt_label' not in samples[0]


def test_constant_attention_gives_a_defined_result(feats):
    head = build(map_kind='attention').eval()
    (sample, _) = head.predict(feats._replace(attention=torch.full((2, 3, 5, 4), 0.05)), make_samples(0, 1))
    assert bool(torch.isfinite(sample.pred_instances.bboxes).all())
    # The protocol's empty box, one pixel of the frame.
    torch.testing.assert_close(sample.pred_instances.bboxes[0], torch.tensor([0, 0, 40 / 224, 50 / 224]))


def test_predict_needs_attention(feats):
    with pytest.raises(ValueError, match=r'or call model\.eval\(\)'):
        build().predict(feats._replace(attention=None), make_samples(0, 1))


@pytest.mark.parametrize('label', [6, -1])
def test_label_outside_the_classes(feats, label):
    with pytest.raises(ValueError, match=r'x/bird\.jpg: label \[-?\d\] is outside the 6 classes'):
        list(build().eval().predict(feats, make_samples(0, label)))


def test_he_initialisation():
    head = build(num_classes=64, in_channels=64, init='he')
    assert head.conv.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
    assert bool((head.conv.bias == 0).all())


def test_default_initialisation_is_pytorchs():
    torch.manual_seed(3)
    head = build(init='default')
    torch.manual_seed(3)
    reference = torch.nn.Conv2d(8, 6, kernel_size=3, padding=1)
    assert torch.equal(head.conv.weight, reference.weight)
    assert torch.equal(head.conv.bias, reference.bias)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(init='xavier'), "init must be one of .* got 'xavier'"),
        (dict(map_kind='sum'), "map_kind of TSCAMHead must be one of coupled, attention, semantic, got 'sum'"),
        (dict(topk=0), 'topk must be at least 1'),
        (dict(threshold=1.0), r'threshold must be in \[0, 1\)'),
        (dict(protocol='voc'), "unknown protocol 'voc'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_another_width_than_the_backbones(feats):
    with pytest.raises(ValueError, match=r'gives 8 channels and TSCAMHead expects 3: set model\.head\.in_channels=8'):
        build(in_channels=3)(feats)


def test_classes_that_are_asked_for():
    """Boxes and maps of these, in this order, whatever their scores; the true class's map beside them."""
    model, images = build_model(), make_images('deit')
    scores = model.head(model.extract_feat(images)).softmax(dim=1)
    worst = scores[0].argsort()[:3].tolist()
    asked = LocDataSample().set_query_label(worst).set_gt_label(worst[1])
    usual = LocDataSample().set_gt_label(0)
    asked, usual = predict_samples(model, images, [asked, usual])
    assert asked.pred_instances.labels.tolist() == asked.class_maps.labels.tolist() == worst
    torch.testing.assert_close(asked.pred_instances.scores, scores[0, worst])
    assert asked.pred_label.item() == scores[0].argmax().item()
    # The other image of the batch is as without.
    (_, alone) = predict_samples(model, images, [LocDataSample().set_gt_label(0) for _ in range(2)])
    assert usual.class_maps.labels.tolist() == alone.class_maps.labels.tolist()
    assert torch.equal(usual.pred_instances.bboxes, alone.pred_instances.bboxes)
    # The maps are those that the class has as the true one.
    true = [LocDataSample().set_gt_label(worst[0]), LocDataSample().set_gt_label(0)]
    (true, _) = predict_samples(model, images, true)
    torch.testing.assert_close(asked.class_maps.maps[0], true.class_maps.maps[-1])


def test_a_true_class_beside_those_that_are_asked_for():
    model, images = build_model(), make_images('deit', batch=1)
    (sample,) = predict_samples(model, images, [LocDataSample().set_query_label([4]).set_gt_label(2)])
    assert sample.pred_instances.labels.tolist() == [4]
    assert sample.class_maps.labels.tolist() == [4, 2]


def test_classes_that_are_none():
    model, images = build_model(), make_images('deit', batch=1)
    with pytest.raises(ValueError, match=r'query_label \[6\] is outside the 6 classes of the head'):
        list(predict_samples(model, images, [LocDataSample().set_query_label([6])]))
    for labels in ([], [1, 1]):
        with pytest.raises(ValueError, match='must be named, each once'):
            LocDataSample().set_query_label(labels)


def predict_samples(model, images, samples):
    with torch.no_grad():
        return model(images, samples, mode='predict')
