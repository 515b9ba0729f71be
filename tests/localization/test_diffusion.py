import numpy as np
import pytest
import torch

from mmtscam.localization import grid_laplacian, min_max, newton_schulz, spread_over_alike


def test_laplacian_of_a_grid():
    rows, columns = 3, 4
    expected = np.zeros((12, 12))
    for one in range(12):
        for other in range(12):
            distance = abs(one // columns - other // columns) + abs(one % columns - other % columns)
            if distance == 1:
                expected[one, other] = -1
                expected[one, one] += 1
    np.testing.assert_array_equal(grid_laplacian(rows, columns).numpy(), expected)
    assert grid_laplacian(1, 1).tolist() == [[0]]


@pytest.mark.parametrize('steps', [0, 4, 16])
def test_iterations_in_the_basis_of_eigenvectors(steps):
    matrix = torch.randn(2, 9, 9, dtype=torch.float64)
    matrix = matrix + matrix.mT
    values, vectors = torch.linalg.eigh(matrix)
    expected = (1 - (1 - 0.002 * values**2) ** (2**steps)) / values
    torch.testing.assert_close(newton_schulz(matrix, steps), vectors @ torch.diag_embed(expected) @ vectors.mT)


def test_many_iterations_reach_the_inverse():
    matrix = torch.eye(5, dtype=torch.float64) * 3 + torch.full((5, 5), 0.2, dtype=torch.float64)
    torch.testing.assert_close(newton_schulz(matrix, 30), matrix.inverse())


# A grid of 2 x 2 patches of two classes, worked out by hand from the formulas.
MAPS = torch.tensor([[1.0, 0], [1, 1], [0, 1], [1, 2]]).T.reshape(1, 2, 2, 2)
SCORES = torch.tensor([[[0, 0.2], [1, 0.4]]])
ONE, HALF = torch.ones(1), torch.full((1,), 0.5)


def test_vector_worked_out_by_hand():
    maps, scores = spread_over_alike(MAPS, SCORES, ONE, HALF, steps=4)
    gain = torch.tensor([[[1, 0], [0.000056, 0.001304]]])
    torch.testing.assert_close(scores, SCORES + gain, atol=2e-6, rtol=0)
    torch.testing.assert_close(maps, MAPS * (1 + gain.unsqueeze(1)), atol=4e-6, rtol=0)


def test_matrix_worked_out_by_hand():
    vectors = torch.nn.functional.normalize(MAPS.flatten(2), dim=1)
    alike = vectors.mT @ vectors
    torch.testing.assert_close(alike[0, 0, 1:], torch.tensor([0.707107, 0, 0.447214]), atol=1e-6, rtol=0)
    matrix = grid_laplacian(2, 2) * (alike - 1)
    expected = {(0, 1): 0.00921855, (0, 2): 0.03147808, (1, 3): 0.00162502, (2, 3): 0.00332034}
    spread = newton_schulz(matrix, 4)[0]
    for (one, other), value in expected.items():
        assert spread[one, other].item() == pytest.approx(value, abs=1e-7)
        assert spread[other, one].item() == pytest.approx(value, abs=1e-7)
    # Patches that are alike with themselves alone: the matrix joins all neighbours.
    apart = grid_laplacian(2, 2) * (torch.eye(4) - 1)
    assert newton_schulz(apart, 4)[0, 1].item() == pytest.approx(0.03014985, abs=1e-7)
    assert newton_schulz(apart, 16)[0, 1].item() == pytest.approx(0.25, abs=1e-6)


def test_the_gain_is_between_0_and_1_and_has_a_gradient():
    maps = torch.randn(3, 6, 5, 4, requires_grad=True)
    scores = torch.rand(3, 5, 4, requires_grad=True)
    similarity, threshold = ONE.clone().requires_grad_(), HALF.clone().requires_grad_()
    new_maps, new_scores = spread_over_alike(maps, scores, similarity, threshold, steps=4)
    gain = new_scores - scores
    assert gain.amin().item() == pytest.approx(0, abs=1e-6)
    assert gain.amax().item() == pytest.approx(1, abs=1e-6)
    new_maps.square().sum().backward()
    for tensor in (maps, scores, similarity, threshold):
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize('maps', [MAPS, torch.zeros(1, 2, 2, 2)])
@pytest.mark.parametrize('scores', [torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.7)])
def test_flat_maps_and_scores_stay_finite(maps, scores):
    maps = maps.clone().requires_grad_()
    for result in spread_over_alike(maps, scores, ONE, HALF, steps=16):
        assert torch.isfinite(result).all()
    spread_over_alike(maps, scores, ONE, HALF, steps=16)[0].sum().backward()
    assert torch.isfinite(maps.grad).all()


def test_half_precision_and_autocast_change_nothing():
    maps, scores = torch.randn(2, 6, 5, 4), torch.rand(2, 5, 4)
    expected = spread_over_alike(maps, scores, ONE, HALF, steps=16)
    with torch.autocast('cpu', torch.bfloat16):
        for ours, reference in zip(spread_over_alike(maps, scores, ONE, HALF, steps=16), expected, strict=True):
            assert torch.equal(ours, reference)


def test_min_max():
    maps = min_max(torch.tensor([[[1.0, 3], [2, 1]], [[4, 4], [4, 4]]]))
    assert maps.tolist() == [[[0, 1], [0.5, 0]], [[0, 0], [0, 0]]]
