import pytest
import torch

from mmtscam.models.layers import mean_area, norm_loss


def block_of_ones():
    maps = torch.zeros(1, 14, 14)
    maps[:, 4:10, 3:9] = 1
    return maps


@pytest.mark.parametrize(
    ('maps', 'expected'),
    [
        (torch.full((2, 14, 14), 0.25), 0.185623),
        (torch.full((2, 14, 14), 0.5), 0.249788),
        (torch.ones(2, 14, 14), 0.013747),
        (block_of_ones(), 0.011719),
        (torch.zeros(1, 14, 14), 0.0),
    ],
)
def test_distance_from_0_and_1(maps, expected):
    """Values of the released code's formula, computed apart from it."""
    assert norm_loss(maps).item() == pytest.approx(expected, abs=1e-6)
    with torch.autocast('cpu', torch.bfloat16):
        assert norm_loss(maps.bfloat16()).item() == pytest.approx(expected, abs=1e-6)


def test_mean_area_of_one_process():
    maps = torch.rand(3, 5, 4, requires_grad=True)
    area, number = mean_area(maps, torch.ones(3, dtype=torch.bool))
    torch.testing.assert_close(area, maps.mean())
    assert number == 3
    area.backward()
    torch.testing.assert_close(maps.grad, torch.full_like(maps, 1 / 60))


@pytest.mark.parametrize('counted', [[True, False, True], [False, False, False]])
def test_mean_area_of_some_images(counted):
    maps, counted = torch.rand(3, 5, 4, requires_grad=True), torch.tensor(counted)
    area, number = mean_area(maps, counted)
    torch.testing.assert_close(area, maps[counted].mean(), equal_nan=True)
    assert number == counted.sum()
    area.backward()
    expected = counted[:, None, None] / (20 * counted.sum().clamp(min=1))
    torch.testing.assert_close(maps.grad, expected.expand_as(maps))
