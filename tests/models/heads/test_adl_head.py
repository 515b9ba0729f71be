import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.registry import MODELS


def build(kind='ADLHead', **kwargs):
    cfg = dict(type=kind, threshold=0.2, num_classes=6, in_channels=8, hidden_channels=(7, 5))
    head = MODELS.build(dict(cfg, **kwargs))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return (torch.randn(2, 4, 10, 8), torch.randn(2, 8, 5, 4))


def hidden_of(head, feats):
    x = feats[-1]
    for conv in (head.classifier[0], head.classifier[2]):
        x = F.relu(F.conv2d(x, conv.weight, conv.bias, padding=1))
    return x


def gradients(head, logits):
    loss = F.cross_entropy(logits, torch.tensor([1, 5]))
    return loss, torch.autograd.grad(loss, [*head.parameters()])


@pytest.mark.parametrize('hide', [True, False])
def test_loss_and_gradients(feats, hide):
    head = build(drop_rate=float(hide), drop_threshold=0.8).train()
    hidden = hidden_of(head, feats)
    attention = hidden.sum(dim=1) / 5
    if hide:
        kept = torch.stack([one < 0.8 * one.max() for one in attention])
        assert 0 < kept.sum() < kept.numel()
        factor = kept.float()
    else:
        factor = 1 / (1 + (-attention).exp())
    dropped = hidden * factor[:, None]
    logits = dropped.mean(dim=(2, 3)) @ head.classifier[-1].weight[:, :, 0, 0].T + head.classifier[-1].bias
    expected, expected_gradients = gradients(head, logits)
    losses = head.loss(feats, make_samples(1, 5))
    assert set(losses) == {'loss'}
    torch.testing.assert_close(losses['loss'], expected)
    found = torch.autograd.grad(losses['loss'], [*head.parameters()])
    for ours, by_hand in zip(found, expected_gradients, strict=True):
        torch.testing.assert_close(ours, by_hand)


def test_evaluation_is_plain_cam(feats):
    head, cam = build(drop_rate=1.0).eval(), build('CAMHead').eval()
    cam.load_state_dict(head.state_dict())
    assert torch.equal(head(feats), cam(feats))
    for ours, plain in zip(
        head.predict(feats, make_samples(1, 5)), cam.predict(feats, make_samples(1, 5)), strict=True
    ):
        assert torch.equal(ours.class_maps.maps, plain.class_maps.maps)
    assert not torch.equal(head.train()(feats), cam.train()(feats))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(drop_rate=1.5), r'drop_rate and drop_threshold must be in \[0, 1\], got 1.5 and 0.9'),
        (dict(drop_threshold=-0.1), r'drop_rate and drop_threshold must be in \[0, 1\], got 0.75 and -0.1'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
