import timeit

import pytest
import torch

from mmtscam.speed.matmul import build_matmul, matmul_shapes


def test_shapes_of_the_mlps_and_a_square():
    side, first, second = matmul_shapes(tokens=202, width=32, hidden=64, device='cpu')
    assert len(set(side)) == 1
    assert (first, second) == ((202, 32, 64), (202, 64, 32))
    assert matmul_shapes(202, 32, 64, 'cuda')[0] > side


@pytest.mark.parametrize(('precision', 'dtype'), [('fp32', torch.float32), ('bf16', torch.bfloat16)])
def test_the_rate_is_that_of_a_product(precision, dtype):
    size = 256
    measure = build_matmul([(size, size, size)], precision, 'cpu')
    rate = max(measure() for _ in range(5))
    matrix = torch.ones(size, size, dtype=dtype)
    expected = 2 * size**3 / min(timeit.repeat(lambda: matrix @ matrix, number=1, repeat=10))
    assert expected / 20 < rate < expected * 20  # also beside others


def test_the_best_of_the_shapes_counts():
    small, large = (1, 1, 1), (256, 256, 256)
    assert build_matmul([large, small], 'fp32', 'cpu')() > 100 * build_matmul([small], 'fp32', 'cpu')() > 0
