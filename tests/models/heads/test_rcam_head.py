import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.registry import MODELS


def build(head='RCAMHead', **kwargs):
    head = MODELS.build(dict(type=head, **{'num_classes': 6, 'in_channels': 8, 'threshold': 0.2, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return (torch.randn(2, 8, 5, 4).relu(),)


def pool(features, threshold):
    """Channel by channel."""
    means = []
    for channel in features.flatten(0, 1):
        kept = [value for value in channel.flatten() if value > threshold * channel.max()]
        means.append(sum(kept) / len(kept) if kept else torch.zeros(()))
    return torch.stack(means).view(features.shape[:2])


@pytest.mark.parametrize('threshold', [0.1, 0.6])
def test_loss_and_gradients(feats, threshold):
    head = build(hidden_channels=(7,), pool_threshold=threshold)
    conv, last = head.classifier[0], head.classifier[-1]
    hidden = F.relu(F.conv2d(feats[0], conv.weight, conv.bias, padding=1))
    logits = pool(hidden, threshold) @ last.weight[:, :, 0, 0].T + last.bias
    torch.testing.assert_close(head(feats), logits)
    expected = F.cross_entropy(logits, torch.tensor([1, 5]))
    loss = head.loss(feats, make_samples(1, 5))['loss']
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss, list(head.parameters()))
    by_hand = torch.autograd.grad(expected, list(head.parameters()))
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_checkpoint_of_cam_loads(feats):
    cam, head = build('CAMHead', hidden_channels=(7,)), build(hidden_channels=(7,))
    head.load_state_dict(cam.state_dict())
    cam.load_state_dict(head.state_dict())
    hidden = cam.prepare(feats)
    assert torch.equal(head.prepare(feats), hidden)
    assert (head.logits(hidden) - cam.logits(hidden)).abs().max() > 1e-3


def test_predicted_maps_have_no_negative_weights(feats):
    head = build(topk=3)
    weight, bias = head.classifier[-1].weight[:, :, 0, 0], head.classifier[-1].bias
    best = (pool(feats[0], 0.1) @ weight.T + bias).argsort(dim=1, descending=True)[:, :3]
    maps = torch.einsum('cd,bdhw->bchw', weight.clamp(min=0), feats[0]) + bias[:, None, None]
    assert (weight < 0).any()
    torch.testing.assert_close(head.maps(feats[0])['semantic'], maps)
    for index, sample in enumerate(head.predict(feats, make_samples(1, 5))):
        labels = sample.class_maps.labels
        assert labels[:3].tolist() == best[index].tolist()
        torch.testing.assert_close(sample.class_maps.maps, maps[index, labels])


def test_protocols(feats):
    assert build().settings.protocol.name == 'tscam'
    head = build(protocol='rcam', threshold=None)
    assert (head.settings.protocol.name, head.settings.protocol.threshold) == ('rcam', 0.35)
    (sample, _) = head.predict(feats, make_samples(1, 5))
    assert sample.class_maps.protocol == 'rcam'


def test_last_layer_starts_small():
    head = build(num_classes=200, in_channels=64)
    assert head.classifier[-1].weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize('threshold', [-0.1, 1])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match=rf'pool_threshold must be in \[0, 1\), got {threshold}'):
        build(pool_threshold=threshold)
