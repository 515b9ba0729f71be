import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from tscam_models import build_model, make_images, predict, training_step

from mmtscam.localization import min_max, spread_over_alike
from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS


def build(**kwargs):
    return MODELS.build(dict(type='SCMHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))


@pytest.fixture
def feats():
    return TokenFeatures(
        torch.randn(2, 8, 5, 4, requires_grad=True), torch.rand(2, 3, 5, 4, requires_grad=True), torch.randn(2, 8)
    )


def test_training_sees_amplified_maps(feats):
    head = build(steps=(6, 3)).train()
    with torch.no_grad():
        head.spreading[1].similarity.fill_(0.7)
        head.spreading[1].threshold.fill_(0.4)
    maps = F.conv2d(feats.patches, head.conv.weight, head.conv.bias, padding=1)
    scores = min_max(feats.attention.sum(dim=1))  # the sum has the same values after the normalisation
    maps, scores = spread_over_alike(maps, scores, torch.ones(1), torch.tensor([0.5]), 6)
    maps, _ = spread_over_alike(maps, scores, torch.tensor([0.7]), torch.tensor([0.4]), 3)
    expected = F.cross_entropy(maps.mean(dim=(2, 3)), torch.tensor([1, 5]))
    losses = head.loss(feats, make_samples(1, 5))
    assert list(losses) == ['loss']
    torch.testing.assert_close(losses['loss'], expected)


def test_the_loss_reaches_attention_and_the_scalars():
    model = build_model('deit', 'SCMHead', attention='always')
    _, gradients = training_step(model, make_images('deit'))
    for index in range(4):
        for name in ('similarity', 'threshold'):
            assert gradients[f'head.spreading.{index}.{name}'].isfinite().all()
    queries = gradients['backbone.layers.2.attn.qkv.weight'][:20]
    assert queries.abs().sum() > 0
    assert [layer.steps for layer in model.head.spreading] == [16, 4, 4, 4]


@pytest.mark.parametrize('steps', [4, '16', (4, 1.5), (4, -1)])
def test_steps_are_whole_numbers(steps):
    with pytest.raises(ValueError, match=r'steps must be whole numbers of at least 0, one a layer, such as'):
        build(steps=steps)


def test_without_layers_training_is_tscams(feats):
    head, tscam = build(steps=()).train(), MODELS.build(dict(type='TSCAMHead', num_classes=6, in_channels=8)).train()
    tscam.load_state_dict(head.state_dict())
    assert torch.equal(head.loss(feats, make_samples(1, 5))['loss'], tscam.loss(feats, make_samples(1, 5))['loss'])


def test_evaluation_is_tscam_with_normalised_attention(monkeypatch):
    model, tscam = build_model('deit', 'SCMHead', attention='always'), build_model('deit')
    tscam.load_state_dict(model.state_dict(), strict=False)
    monkeypatch.setattr('mmtscam.models.heads.scm_head.spread_over_alike', None)  # not called
    images = make_images('deit')
    for ours, reference in zip(predict(model, images), predict(tscam, images), strict=True):
        assert torch.equal(ours.pred_score, reference.pred_score)
        for kind in ('semantic', 'attention'):
            assert torch.equal(ours.class_maps[kind], reference.class_maps[kind])
        expected = min_max(reference.class_maps.attention[0]) * reference.class_maps.semantic
        torch.testing.assert_close(ours.class_maps.coupled, expected)


def test_attention_is_needed_in_training(feats):
    with pytest.raises(ValueError, match=r"set model\.backbone\.attention='always'"):
        build().train().loss(feats._replace(attention=None), make_samples(1, 5))


def test_flat_attention_gives_a_finite_step(feats):
    head = build().train()
    attention = torch.full((2, 3, 5, 4), 0.05, requires_grad=True)
    loss = head.loss(feats._replace(attention=attention), make_samples(1, 5))['loss']
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(attention.grad).all()
