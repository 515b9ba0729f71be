import pytest
import torch
import torch.nn.functional as F

from mmtscam.models.layers import ThresholdedConv, thresholded_mean


def mean_by_hand(features, threshold):
    """Channel by channel; a list of the kept pixels."""
    means = []
    for image in features:
        for channel in image:
            kept = [value for value in channel.flatten() if value > threshold * channel.max()]
            means.append(torch.stack(kept).mean() if kept else channel.new_zeros(()))
    return torch.stack(means).view(features.shape[:2])


@pytest.fixture
def features():
    """Outputs of a ReLU, with a channel of zeros and one of a single value."""
    features = torch.randn(2, 5, 6, 7, dtype=torch.float64).relu()
    features[0, 1] = 0
    features[1, 2] = 3
    return features


@pytest.fixture
def conv():
    return ThresholdedConv(5, 4, threshold=0.3).double()


@pytest.mark.parametrize('threshold', [0.0, 0.1, 0.9])
def test_mean_of_the_strong_pixels_and_its_gradient(features, threshold):
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    mean, expected = thresholded_mean(ours, threshold), mean_by_hand(theirs, threshold)
    assert mean.shape == (2, 5, 1, 1)
    torch.testing.assert_close(mean[..., 0, 0], expected)
    assert (mean[..., 0, 0] - features.mean(dim=(2, 3)))[:, 0].abs().min() > 0.1
    weights = torch.randn_like(expected)
    (mean[..., 0, 0] * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    """Bfloat16 has no number between 512 and 516, and a sum of float16 would be infinite here."""
    assert thresholded_mean(torch.full((1, 1, 27, 19), 1000, dtype=dtype), 0.1).item() == 1000
    features = torch.rand(2, 3, 30, 30).to(dtype)
    with torch.autocast('cpu', dtype):
        mean = thresholded_mean(features, 0.1)
    assert mean.dtype == torch.float32
    torch.testing.assert_close(mean[..., 0, 0], mean_by_hand(features.float(), 0.1))


def test_logits_have_all_weights_and_maps_the_positive_ones(conv, features):
    weight, labels = conv.weight[:, :, 0, 0], torch.tensor([[3, 0], [1, 1]])
    assert (weight < 0).any()
    logits = mean_by_hand(features, 0.3) @ weight.T + conv.bias
    torch.testing.assert_close(conv(features, mean=True), logits)
    positive = torch.where(weight > 0, weight, 0)
    maps = torch.einsum('cd,bdhw->bchw', positive, features) + conv.bias[:, None, None]
    torch.testing.assert_close(conv(features), maps)
    torch.testing.assert_close(conv(features, labels), maps[torch.arange(2)[:, None], labels])


def test_autocast_rounds_no_logits(features):
    conv, features = ThresholdedConv(5, 4, threshold=0.3), features.float()
    labels = torch.tensor([[3, 0], [1, 1]])
    logits, maps = conv(features, mean=True), conv(features, labels)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(conv(features, mean=True), logits)
        assert torch.equal(conv(features, labels), maps)


def test_every_weight_learns_from_logits(conv, features):
    logits = conv(features, mean=True)
    F.cross_entropy(logits, torch.tensor([1, 3])).backward()
    pooled = mean_by_hand(features, 0.3)
    difference = (logits.softmax(1) - F.one_hot(torch.tensor([1, 3]), 4)) / 2
    torch.testing.assert_close(conv.weight.grad[:, :, 0, 0], difference.T @ pooled)


def test_hooks_see_every_call(conv, features):
    """FSDP gathers the weights in such hooks."""
    calls = []
    conv.register_forward_pre_hook(lambda module, args: calls.append(len(args)))
    conv(features, mean=True)
    conv(features, torch.zeros(2, 1, dtype=torch.int64))
    assert calls == [1, 2]


def test_tensors_without_data():
    """By which operations are counted."""
    conv = ThresholdedConv(5, 4, threshold=0.3).to('meta')
    features = torch.empty(2, 5, 6, 7, device='meta')
    assert conv(features, mean=True).shape == (2, 4)
    assert conv(features).shape == (2, 4, 6, 7)
