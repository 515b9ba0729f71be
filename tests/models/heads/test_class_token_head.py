import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS


def build(**kwargs):
    head = MODELS.build(dict(type='ClassTokenHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return TokenFeatures(torch.randn(2, 8, 5, 4), torch.rand(2, 3, 5, 4), torch.randn(2, 8))


def test_loss_is_cross_entropy_on_the_class_token(feats):
    head = build().train()
    torch.nn.init.normal_(head.fc.bias)
    token = feats.token.requires_grad_()
    losses = head.loss(feats._replace(attention=None), make_samples(1, 5))
    assert list(losses) == ['loss']
    logits = token @ head.fc.weight.T + head.fc.bias
    torch.testing.assert_close(losses['loss'], F.cross_entropy(logits, torch.tensor([1, 5])))
    losses['loss'].backward()
    assert bool(token.grad.abs().sum() > 0)
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in head.parameters())


def test_patches_do_not_classify(feats):
    head = build()
    torch.testing.assert_close(head(feats), head(feats._replace(patches=torch.zeros(2, 8, 5, 4))))


def test_predict_localises_every_class_with_the_mean_attention(feats):
    head = build(topk=3).eval()
    samples = head.predict(feats, make_samples(1, 5))
    scores = (feats.token @ head.fc.weight.T + head.fc.bias).softmax(dim=1).detach()
    for index, sample in enumerate(samples):
        best = scores[index].argsort(descending=True)[:3].tolist()
        torch.testing.assert_close(sample.pred_score, scores[index])
        assert sample.pred_label.item() == best[0]
        truth = sample.gt_label.item()
        labels = best + ([truth] if truth not in best else [])
        assert sample.class_maps.labels.tolist() == labels
        assert sample.pred_instances.labels.tolist() == best
        mean = (feats.attention[index, 0] + feats.attention[index, 1] + feats.attention[index, 2]) / 3
        for score_map in sample.class_maps.maps:
            torch.testing.assert_close(score_map, mean)
        # The attention knows no class: neither do the boxes.
        assert bool((sample.pred_instances.bboxes == sample.pred_instances.bboxes[0]).all())
        assert 'semantic' not in sample.class_maps
        assert 'coupled' not in sample.class_maps


def test_predict_without_samples(feats):
    samples = build().eval().predict(feats)
    assert [len(sample.pred_instances) for sample in samples] == [5, 5]
    assert 'gt_label' not in samples[0]


def test_predict_needs_attention(feats):
    with pytest.raises(ValueError, match=r'needs class attention, .*, or call model\.eval\(\)'):
        build().predict(feats._replace(attention=None), make_samples(0, 1))


@pytest.mark.parametrize('label', [6, -1])
def test_label_outside_the_classes(feats, label):
    with pytest.raises(ValueError, match=r'x/bird\.jpg: label \[-?\d\] is outside the 6 classes'):
        list(build().eval().predict(feats, make_samples(0, label)))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(num_classes=0), 'num_classes must be at least 1, got 0'),
        (dict(topk=0), 'topk must be at least 1, got 0'),
        (dict(threshold=1.0), r'threshold must be in \[0, 1\)'),
        (dict(protocol='wsol-v2'), "protocol 'wsol-v2' leaves the threshold open: set threshold"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_initialisation_is_deits():
    head = build(num_classes=200, in_channels=384)
    assert head.fc.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert bool((head.fc.bias == 0).all())


def test_transattention_from_image_to_boxes():
    """With the backbone it is the paper's baseline: the maps are the backbone's own attention."""
    arch = dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48)
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMDeiT', arch=arch, img_size=32, patch_size=8),
            head=dict(type='ClassTokenHead', num_classes=4, in_channels=24),
        )
    )
    model.eval()
    images = torch.randn(2, 3, 32, 32)
    samples = model(images, make_samples(0, 3), mode='predict')
    attention = model.extract_feat(images).attention.mean(dim=1)
    for index, sample in enumerate(samples):
        torch.testing.assert_close(sample.class_maps.maps[0], attention[index])
        assert sample.pred_instances.bboxes.shape == (4, 4)
    model.train()
    model(images, make_samples(0, 3), mode='loss')['loss'].backward()
    assert model.head.fc.weight.grad is not None


def test_starts_from_the_original_classifier(tmp_path):
    weight, bias = torch.randn(6, 8), torch.randn(6)
    state = {'blocks.0.norm1.weight': torch.zeros(8), 'head.weight': weight, 'head.bias': bias}
    torch.save({'model': state}, tmp_path / 'deit.pth')
    head = build(init_classifier=str(tmp_path / 'deit.pth'))
    assert torch.equal(head.fc.weight, weight)
    assert torch.equal(head.fc.bias, bias)
