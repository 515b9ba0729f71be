import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.models.heads.cam_head import normalize_maps
from mmtscam.registry import MODELS


def build(**kwargs):
    head = MODELS.build(dict(type='CAMHead', threshold=0.2, **{'num_classes': 6, 'in_channels': 8, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return (torch.randn(2, 4, 10, 8), torch.randn(2, 8, 5, 4))


def test_logits_are_a_linear_classifier_on_pooled_features(feats):
    head = build()
    weight, bias = head.classifier[-1].weight[:, :, 0, 0], head.classifier[-1].bias
    expected = feats[-1].flatten(2).mean(2) @ weight.T + bias
    torch.testing.assert_close(head(feats), expected)
    losses = head.loss(feats, make_samples(1, 5))
    torch.testing.assert_close(losses['loss'], F.cross_entropy(expected, torch.tensor([1, 5])))


def test_hidden_convolutions(feats):
    head = build(hidden_channels=(7, 5)).eval()
    convs = [module for module in head.classifier if isinstance(module, torch.nn.Conv2d)]
    assert [tuple(conv.weight.shape) for conv in convs] == [(7, 8, 3, 3), (5, 7, 3, 3), (6, 5, 1, 1)]
    x = feats[-1]
    for conv in convs[:2]:
        x = F.relu(F.conv2d(x, conv.weight, conv.bias, padding=1))
    torch.testing.assert_close(head(feats), F.conv2d(x, convs[2].weight, convs[2].bias).mean(dim=(2, 3)))


def test_dropout_before_every_convolution_while_training(feats):
    head = build(hidden_channels=(7,), dropout=0.5)
    assert [type(module).__name__ for module in head.classifier] == [
        'Dropout',
        'Conv2d',
        'ReLU',
        'Dropout',
        'SemanticConv',
    ]
    assert not torch.equal(head.train()(feats), head(feats))
    assert torch.equal(head.eval()(feats), head(feats))


def test_predict_fills_the_sample(feats):
    head = build(topk=3).eval()
    weight, bias = head.classifier[-1].weight[:, :, 0, 0], head.classifier[-1].bias
    for index, sample in enumerate(head.predict(feats, make_samples(1, 5))):
        maps = torch.einsum('cd,dhw->chw', weight, feats[-1][index]) + bias[:, None, None]
        best = maps.mean(dim=(1, 2)).argsort(descending=True)[:3].tolist()
        truth = sample.gt_label.item()
        labels = best + ([truth] if truth not in best else [])
        assert sample.class_maps.labels.tolist() == labels
        torch.testing.assert_close(sample.class_maps.maps, maps[labels])
        torch.testing.assert_close(sample.class_maps.semantic, maps[labels])
        assert sample.pred_instances.labels.tolist() == best
        assert sample.pred_instances.bboxes.shape == (3, 4)
        assert 'attention' not in sample.class_maps


def test_soft_labels(feats):
    head = build(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True))
    scores = torch.rand(2, 6).softmax(1)
    samples = [sample.set_gt_score(score) for sample, score in zip(make_samples(1, 5), scores, strict=True)]
    expected = -(scores * head(feats).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(head.loss(feats, samples)['loss'], expected)
    with pytest.raises(ValueError, match='CAMHead needs one true class an image'):
        head.true_labels(samples)


def test_normalize_maps():
    maps = torch.randn(2, 3, 4, 5) * 100
    normalized = normalize_maps(maps)
    for ours, raw in zip(normalized.flatten(0, 1), maps.flatten(0, 1), strict=True):
        torch.testing.assert_close(ours, (raw - raw.min()) / (raw.max() - raw.min()))
    assert bool((normalize_maps(torch.full((1, 4, 5), 3.0)) == 0).all())
    assert normalize_maps(maps.half()).dtype == torch.float32


def test_init_cfg_is_for_the_last_layer_too():
    xavier = dict(type='Xavier', layer='Conv2d', distribution='uniform')
    head = build(num_classes=200, in_channels=64, hidden_channels=(32,), init_cfg=xavier)
    for conv in (head.classifier[0], head.classifier[-1]):
        fan = (conv.weight.shape[0] + conv.weight.shape[1]) * conv.weight[0, 0].numel()
        assert conv.weight.abs().max().item() == pytest.approx((6 / fan) ** 0.5, rel=0.01)
        assert not bool(conv.bias.any())


def test_last_layer_starts_small():
    head = MODELS.build(dict(type='CAMHead', num_classes=200, in_channels=64, hidden_channels=(96,)))
    head.init_weights()
    assert head.classifier[-1].weight.std().item() == pytest.approx(0.01, rel=0.05)
    # He's for the outputs.
    assert head.classifier[0].weight.std().item() == pytest.approx((2 / (96 * 9)) ** 0.5, rel=0.05)
    assert not any(bool(conv.bias.any()) for conv in (head.classifier[0], head.classifier[-1]))


def test_channels_last_are_named():
    """Advice to set ``in_channels`` to the height of the map would be wrong."""
    with pytest.raises(ValueError, match=r'gives channels last, \(2, 7, 7, 8\), and CAMHead works on \(B, D, h, w\)'):
        build()((torch.randn(2, 7, 7, 8),))
    with pytest.raises(ValueError, match=r'CAMHead works on a feature map .* out_type'):
        build()((torch.randn(2, 8),))
