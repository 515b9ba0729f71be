import numpy as np
import pytest

from mmtscam.datasets.boxes.base_box_reader import check_xyxy, xywh_to_xyxy


@pytest.mark.parametrize('values', [['1.5', '-2', '3', '4e1'], [1.5, -2, 3, 40]])
def test_numbers_and_words(values):
    assert xywh_to_xyxy(values, 'f:1').tolist() == [1.5, -2, 4.5, 38]
    assert check_xyxy(values, 'f:1').tolist() == [1.5, -2, 3, 40]
    assert xywh_to_xyxy(values, 'f:1').dtype == check_xyxy(values, 'f:1').dtype == np.float64


def test_equal_corners_are_a_pixel():
    assert check_xyxy([3, 4, 3, 4], 'f:1').tolist() == [3, 4, 3, 4]


@pytest.mark.parametrize(
    ('values', 'problem'),
    [
        ([0, 0, 0, 1], 'the box is inverted or empty: width 0, height 1'),
        ([0, 0, 1, -0.5], 'the box is inverted or empty: width 1, height -0.5'),
        ([0, 0, 1], "a box needs four numbers x y width height, got '0 0 1'"),
        ([0, 0, None, 1], "a box needs four numbers x y width height, got '0 0 None 1'"),
        ([0, 0, float('nan'), 1], 'the box is not finite: 0 0 nan 1'),
        ([1e308, 0, 1e308, 1], 'the box is not finite: 1e+308 0 1e+308 1'),
        ([0, 0, 10**400, 1], f"a box needs four numbers x y width height, got '0 0 1{'0' * 17}...{'0' * 19} 1'"),
        ([0, 0, [[[[[[]]]]]], 1], "a box needs four numbers x y width height, got '0 0 [[[[[...]]]]] 1'"),
    ],
)
def test_bad_corner_and_size(values, problem):
    with pytest.raises(ValueError) as caught:
        xywh_to_xyxy(values, 'f:1')
    assert str(caught.value) == f'f:1: {problem}'


@pytest.mark.parametrize(
    ('values', 'problem'),
    [
        ([5, 0, 4, 1], 'the box is inverted: from (5, 0) to (4, 1)'),
        ([0, 5, 1, 4.5], 'the box is inverted: from (0, 5) to (1, 4.5)'),
        (['0', '0', 'one', '1'], "a box needs four numbers x1 y1 x2 y2, got '0 0 one 1'"),
        (['0'] * 5, "a box needs four numbers x1 y1 x2 y2, got '0 0 0 0 0'"),
        (['0', '0', 'inf', '1'], 'the box is not finite: 0 0 inf 1'),
    ],
)
def test_bad_corners(values, problem):
    with pytest.raises(ValueError) as caught:
        check_xyxy(values, 'f:1')
    assert str(caught.value) == f'f:1: {problem}'
