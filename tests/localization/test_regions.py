"""Regions against plain flood fills, over foregrounds with ties, holes, thin lines and nothing at all."""

import cv2
import numpy as np
import pytest
from plain_boxes import EIGHT, contour_area, flood_fill, is_outermost, rect, region_rects

from mmtscam.localization.protocols import Protocol
from mmtscam.localization.regions import REGION_RECTS, components, outer_contours


def _foregrounds():
    rng = np.random.default_rng(0)
    for share in np.linspace(0.02, 0.98, 60):
        yield (rng.random((11, 14)) < share).astype(np.uint8)
    for _ in range(60):  # rings, lines and discs, over and into each other
        canvas = np.zeros((30, 34), np.uint8)
        for _ in range(int(rng.integers(1, 6))):
            centre, end = (tuple(map(int, rng.integers(0, 30, 2))) for _ in range(2))
            cv2.circle(canvas, centre, int(rng.integers(0, 9)), int(rng.integers(0, 2)), int(rng.choice([-1, 1, 2])))
            cv2.line(canvas, centre, end, int(rng.integers(0, 2)), 1)
        yield canvas
    yield from (np.zeros((5, 7), np.uint8), np.ones((5, 7), np.uint8), np.ones((1, 1), np.uint8))
    yield np.array([[1, 0, 1, 0, 1]], np.uint8)
    # The run of the second component starts left of the first, one row further down.
    yield np.array([[0, 0, 0, 1, 1], [1, 1, 0, 0, 0]], np.uint8)
    yield np.pad(np.array([[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]], np.uint8), ((1, 1), (0, 0)))


FOREGROUNDS = list(_foregrounds())


def test_every_kind_of_region_has_a_function():
    for regions in REGION_RECTS:
        assert Protocol(name='mine', regions=regions).regions == regions
    with pytest.raises(ValueError, match=', '.join(map(repr, list(REGION_RECTS)[:-1]))):
        Protocol(name='mine', regions='other')


@pytest.mark.parametrize('regions', REGION_RECTS)
def test_rectangles_are_those_of_flood_fills(regions):
    for foreground in FOREGROUNDS:
        found = sorted(map(list, REGION_RECTS[regions](foreground)))
        expected = sorted(region_rects(foreground, regions))
        if regions == 'contour' and expected:  # any of those with the largest area
            assert len(found) == 1
            assert found[0] in expected
        else:
            assert found == expected


def test_components_come_by_size_and_then_in_raster_order():
    for foreground in FOREGROUNDS:
        parts = sorted(flood_fill(foreground, EIGHT), key=len, reverse=True)  # equal ones stay in raster order
        rects, pixels = components(foreground)
        assert rects.tolist() == list(map(rect, parts))
        assert pixels.tolist() == list(map(len, parts))


def test_outer_contours_are_all_parts_that_lie_in_no_hole():
    for foreground in FOREGROUNDS:
        parts = [part for part in flood_fill(foreground, EIGHT) if is_outermost(part, foreground)]
        rects, areas = outer_contours(foreground)
        assert sorted(map(tuple, rects.tolist())) == sorted(tuple(rect(part)) for part in parts)
        assert areas.tolist() == sorted((contour_area(part, foreground.shape) for part in parts), reverse=True)


def test_area_and_number_of_pixels_choose_differently():
    """A ring encloses more, a block has more pixels."""
    foreground = np.zeros((20, 40), np.uint8)
    foreground[1:13, 1:13] = 1
    foreground[2:12, 2:12] = 0  # 44 pixels around 100 others
    foreground[5:14, 20:29] = 1  # 81 pixels
    assert list(map(list, REGION_RECTS['contour'](foreground))) == [[1, 1, 12, 12]]
    assert list(map(list, REGION_RECTS['component'](foreground))) == [[20, 5, 9, 9]]
    assert list(map(list, REGION_RECTS['union'](foreground))) == [[1, 1, 28, 13]]
    rects, pixels = components(foreground)
    assert (rects.tolist(), pixels.tolist()) == ([[20, 5, 9, 9], [1, 1, 12, 12]], [81, 44])
    rects, areas = outer_contours(foreground)
    assert (rects.tolist(), areas.tolist()) == ([[1, 1, 12, 12], [20, 5, 9, 9]], [121, 64])
