import pytest
import torch

from mmtscam.models.layers import erase_attended


def erase_by_hand(features, threshold):
    """Pixel by pixel."""
    kept = torch.ones_like(features)
    for image, keep in zip(features.tolist(), kept, strict=True):
        attention = torch.tensor(image).sum(dim=0) / len(image)
        for y in range(attention.shape[0]):
            for x in range(attention.shape[1]):
                if attention[y, x] >= threshold * attention.max():
                    keep[:, y, x] = 0
    return features * kept


@pytest.mark.parametrize('threshold', [0.3, 0.7, 1.0])
def test_what_is_erased_and_its_gradient(threshold):
    features = torch.rand(3, 5, 4, 6)
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    erased, expected = erase_attended(ours, threshold), erase_by_hand(theirs, threshold)
    assert torch.equal(erased, expected)
    gone = (expected == 0).all(dim=1).sum(dim=(1, 2))
    assert bool((gone >= 1).all())
    assert bool((gone < 24).any())
    weights = torch.randn_like(features)
    (erased * weights).sum().backward()
    (expected * weights).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


def test_nothing_is_left_at_0():
    assert not bool(erase_attended(torch.rand(1, 2, 3, 3), 0.0).any())
