import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmtscam.localization import window_around

sizes = st.tuples(st.integers(1, 900), st.integers(1, 900))
shares = st.tuples(*[st.floats(0, 1)] * 4)
factors = st.floats(0.2, 4)


def box_in(size, shares):
    width, height = size
    x1, x2 = sorted((shares[0] * width, shares[2] * width))
    y1, y2 = sorted((shares[1] * height, shares[3] * height))
    return x1, y1, x2, y2


@given(sizes, shares, factors, factors, st.tuples(st.floats(-1, 1), st.floats(-1, 1)), st.floats(0, 100))
def test_windows_lie_in_the_image(size, shares, scale, aspect, shift, least):
    x1, y1, x2, y2 = window_around(box_in(size, shares), size, scale, aspect, shift, least)
    slack = 1e-9 * max(size)
    assert -slack <= x1 < x2 <= size[0] + slack
    assert -slack <= y1 < y2 <= size[1] + slack
    assert x2 - x1 >= 1 - slack
    assert y2 - y1 >= 1 - slack


@given(sizes, shares)
def test_the_square_holds_its_box(size, shares):
    box = box_in(size, shares)
    x1, y1, x2, y2 = window_around(box, size)
    slack = 1e-9 * max(size)
    assert x1 <= box[0] + slack
    assert y1 <= box[1] + slack
    assert x2 >= box[2] - slack
    assert y2 >= box[3] - slack


@pytest.mark.parametrize(
    ('box', 'arguments', 'expected'),
    [
        ((40, 40, 60, 50), {}, (40, 35, 60, 55)),
        ((40, 40, 60, 50), dict(scale=2), (30, 25, 70, 65)),
        ((40, 40, 60, 50), dict(aspect=4), (30, 40, 70, 50)),
        ((40, 40, 60, 50), dict(shift=(0.5, -0.25)), (50, 30, 70, 50)),
        ((40, 40, 60, 50), dict(least=40), (30, 25, 70, 65)),
        # Moved into the image, and cut to it.
        ((0, 70, 10, 80), dict(scale=4), (0, 40, 40, 80)),
        ((0, 0, 100, 10), {}, (0, 0, 100, 80)),
        ((50, 50, 50, 50), {}, (49.5, 49.5, 50.5, 50.5)),
    ],
)
def test_windows(box, arguments, expected):
    window = window_around(box, (100, 80), **arguments)
    assert all(math.isclose(ours, theirs, abs_tol=1e-9) for ours, theirs in zip(window, expected, strict=True))
