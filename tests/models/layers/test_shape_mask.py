"""Masks of ellipses and rectangles."""

import math

import numpy as np
import plain_shapes
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain_shapes import KINDS

from mmtscam.registry import MODELS

SHAPES = torch.tensor(
    [[0.5, 0.5, 0.5, 0.5, 0.5], [0.3, 0.6, 0.9, 0.2, 0.7], [0.9, 0.1, 0.4, 0.7, 0.05], [0.45, 0.55, 0.3, 0.8, 1.0]],
    dtype=torch.float64,
)
SIZE = (7, 10)


def build(kind, **kwargs):
    return MODELS.build(dict(type=kind, **kwargs))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('slope', [10.0, 3.0])
def test_masks_are_those_of_the_plain_formula(kind, slope):
    masks = build(kind, slope=slope).double()(SHAPES, SIZE).detach().numpy()
    expected = np.stack([plain_shapes.mask(kind, shape, SIZE, slope) for shape in SHAPES.tolist()])
    np.testing.assert_allclose(masks, expected, rtol=1e-9)
    assert expected.max() - expected.min() > 0.8


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_are_those_of_the_plain_formula(kind):
    """The loss is a sum with random weights; against central differences of the plain masks."""
    weights = torch.randn(len(SHAPES), *SIZE, dtype=torch.float64)
    # No pixel lies where a rectangle's |u| and |v| are equal, which has two slopes.
    places = SHAPES + torch.tensor([0.0137, 0.0071, 0, 0, -0.0213], dtype=torch.float64)
    generator, shapes, step = build(kind).double(), places.clone().requires_grad_(), 1e-6

    def plain(values, slope=10.0):
        masks = [plain_shapes.mask(kind, shape, SIZE, slope) for shape in values.tolist()]
        return float((np.stack(masks) * weights.numpy()).sum())

    (generator(shapes, SIZE) * weights).sum().backward()
    for place in np.ndindex(*SHAPES.shape):
        moved = torch.zeros_like(places)
        moved[place] = step
        expected = (plain(places + moved) - plain(places - moved)) / (2 * step)
        assert shapes.grad[place].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    expected = (plain(places, 10 + step) - plain(places, 10 - step)) / (2 * step)
    assert generator.slope.grad.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('kind', KINDS)
def test_a_shape_that_has_collapsed_can_grow_again(kind):
    numbers = torch.tensor([[0.0, 0.0, -100.0, -60.0, 0.0]], requires_grad=True)
    build(kind)(numbers.sigmoid(), (9, 9)).sum().backward()
    assert bool(numbers.grad.isfinite().all())


@pytest.mark.parametrize('kind', KINDS)
def test_levels(kind):
    """½ on the edge, .97 in the centre, nearly nothing far away."""
    shape = torch.tensor([[0.5, 0.5, 0.5, 0.25, 0.5]])
    (drawn,) = build(kind)(shape, (33, 33)).detach()
    assert drawn[16, 8].item() == drawn[16, 24].item() == drawn[12, 16].item() == 0.5
    assert drawn[16, 16].item() == pytest.approx(0.5 + math.atan(10) / math.pi)
    assert drawn[16, 16].item() == pytest.approx(0.97, abs=0.003)
    assert drawn[0, 16].item() < 0.03


@pytest.mark.parametrize(('kind', 'corner'), zip(KINDS, (False, True), strict=True))
def test_a_rectangle_has_corners(kind, corner):
    drawn = build(kind)(torch.tensor([[0.5, 0.5, 0.6, 0.6, 0.5]]), (11, 11))[0]
    assert bool(drawn[8, 8] > 0.49) == corner


# Wholly within the image, whatever the angle.
centre, side = st.floats(0.3, 0.7), st.floats(0.1, 0.42)


@pytest.mark.parametrize(('kind', 'slack'), [('EllipseMask', 1.5), ('RectangleMask', 2.0)])
@settings(max_examples=40, deadline=None)
@given(shape=st.tuples(centre, centre, side, side, st.floats(0, 1)), slope=st.floats(2, 40))
@example(shape=(0.5, 0.5, 0.4, 0.4, 0.5), slope=10.0)
@example(shape=(0.5, 0.5, 0.4, 0.2, 0.75), slope=10.0)
def test_at_one_half_the_box_is_that_of_the_shape(kind, slack, shape, slope):
    """To a pixel, never beyond the shape; at a sharp end or in a turned corner there may be no pixel."""
    size = (224, 300)
    (drawn,) = build(kind, slope=slope).double()(torch.tensor([shape], dtype=torch.float64), size).detach().numpy()
    rows, columns = np.nonzero(drawn > 0.5)
    x1, y1, x2, y2 = plain_shapes.box(kind, shape, size)
    short = [columns.min() - x1, rows.min() - y1, x2 - columns.max(), y2 - rows.max()]
    assert min(short) > -1e-6
    assert max(short) < slack + 1e-6


@pytest.mark.parametrize('kind', KINDS)
def test_under_autocast_in_full_precision(kind):
    generator, shapes = build(kind), SHAPES.float()
    with torch.autocast('cpu', torch.bfloat16):
        drawn = generator(shapes.bfloat16(), SIZE)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn, generator(shapes.bfloat16().float(), SIZE))


@pytest.mark.parametrize('slope', [0, -1.0, float('nan')])
def test_bad_slope(slope):
    with pytest.raises(ValueError, match='slope must be above 0, got'):
        build('EllipseMask', slope=slope)
