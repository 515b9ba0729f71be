import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmtscam.models.layers import FullPrecisionLinear, SemanticConv


@pytest.fixture
def conv():
    return SemanticConv(5, 4, 3, padding=1)


def test_all_maps_some_of_them_and_their_means(conv):
    features, labels = torch.randn(2, 5, 6, 7), torch.tensor([[3, 0], [1, 1]])
    maps = F.conv2d(features, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(features), maps)
    torch.testing.assert_close(conv(features, mean=True), maps.mean(dim=(2, 3)))
    torch.testing.assert_close(conv(features, labels), maps[torch.arange(2)[:, None], labels])


def test_hooks_see_every_call(conv):
    """FSDP gathers the weights in such hooks."""
    calls = []
    conv.register_forward_pre_hook(lambda module, args: calls.append(len(args)))
    features = torch.randn(2, 5, 6, 7)
    conv(features, mean=True)
    conv(features, torch.zeros(2, 1, dtype=torch.int64))
    assert calls == [1, 2]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_autocast_and_half_precision_round_nothing(conv, dtype):
    linear, plain = FullPrecisionLinear(5, 4).to(dtype), nn.Linear(5, 4).to(dtype)
    plain.load_state_dict(linear.state_dict())
    x, features = torch.randn(3, 5, dtype=dtype), torch.randn(2, 5, 6, 7, dtype=dtype)
    conv.to(dtype)
    expected, logits = plain(x), conv(features, mean=True)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(linear(x), expected)
        assert torch.equal(conv(features, mean=True), logits)
    assert linear.bfloat16()(x.bfloat16()).dtype == torch.float32


def test_tensors_without_data(conv):
    """By which operations are counted."""
    conv, linear = conv.to('meta'), FullPrecisionLinear(5, 4, device='meta')
    assert conv(torch.empty(2, 5, 6, 7, device='meta'), mean=True).shape == (2, 4)
    assert linear(torch.empty(3, 5, device='meta')).shape == (3, 4)
