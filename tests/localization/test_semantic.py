import pytest
import torch
import torch.nn.functional as F

from mmtscam.localization import semantic_logits, semantic_maps


def make(size=(5, 7), kernel=3, width=12, classes=9, batch=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, width, *size, generator=generator, dtype=dtype)
    weight = torch.randn(classes, width, kernel, kernel, generator=generator, dtype=dtype)
    return features, weight, torch.randn(classes, generator=generator, dtype=dtype)


@pytest.mark.parametrize('size', [(5, 7), (3, 3), (1, 9), (2, 1), (1, 1)])
@pytest.mark.parametrize('kernel', [1, 3, 5])
def test_logits_are_the_means_of_the_maps_and_so_are_their_gradients(size, kernel):
    inputs = [each.float().requires_grad_() for each in make(size, kernel)]
    expected = F.conv2d(*inputs, padding=kernel // 2).mean(dim=(2, 3))
    logits = semantic_logits(*inputs)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    upstream = torch.randn_like(logits)
    for ours, theirs in zip(
        torch.autograd.grad(logits, inputs, upstream), torch.autograd.grad(expected, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [(5, 7), (3, 3), (1, 9), (2, 1), (1, 1)])
@pytest.mark.parametrize('kernel', [1, 3, 5])
def test_maps_are_those_of_the_convolution(size, kernel):
    inputs = [each.float() for each in make(size, kernel)]
    everything = F.conv2d(*inputs, padding=kernel // 2)
    labels = torch.tensor([[0, 8, 3, 3], [7, 1, 2, 0], [5, 4, 6, 8]])
    expected = torch.stack([maps[wanted] for maps, wanted in zip(everything, labels, strict=True)])
    torch.testing.assert_close(semantic_maps(*inputs, labels), expected, rtol=1e-5, atol=1e-5)


def test_full_precision_under_autocast_and_of_half_precision_weights():
    features, weight, bias = (each.bfloat16() for each in make())
    labels = torch.tensor([[0, 1], [2, 3], [4, 5]])
    expected = semantic_logits(features.float(), weight.float(), bias.float())
    with torch.autocast('cpu', torch.bfloat16):
        logits, maps = semantic_logits(features, weight, bias), semantic_maps(features, weight, bias, labels)
    assert logits.dtype == maps.dtype == torch.float32
    assert torch.equal(logits, expected)
    assert torch.equal(maps, semantic_maps(features.float(), weight.float(), bias.float(), labels))
