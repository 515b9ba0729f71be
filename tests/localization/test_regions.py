"""Regions against plain flood fills, over foregrounds with ties, holes, thin lines and nothing at all."""

import cv2
import numpy as np
import pytest

from mmtscam.localization.protocols import Protocol
from mmtscam.localization.regions import REGION_RECTS, components, outer_contours

EIGHT = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
FOUR = [(-1, 0), (0, -1), (0, 1), (1, 0)]


def _flood_fill(mask, steps):
    """Connected parts of a mask as lists of (y, x), in raster order of their first pixels."""
    left = mask.astype(bool)
    parts = []
    for start in np.argwhere(left).tolist():
        if not left[tuple(start)]:
            continue
        left[tuple(start)] = False
        part = [tuple(start)]
        for y, x in part:
            for dy, dx in steps:
                near = (y + dy, x + dx)
                if 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1] and left[near]:
                    left[near] = False
                    part.append(near)
        parts.append(part)
    return parts


def _rect(pixels, margin=0):
    ys, xs = zip(*pixels, strict=True)
    x, y = min(xs) - margin, min(ys) - margin
    return [x, y, max(xs) + 1 + margin - x, max(ys) + 1 + margin - y]


def _holes(mask):
    """Parts of the background that are not connected to the outside."""
    padded = np.pad(mask == 0, 1, constant_values=True)
    return [[(y - 1, x - 1) for y, x in part] for part in _flood_fill(padded, FOUR) if (0, 0) not in part]


def _contour_area(part, shape):
    """Area within the line through the outermost pixel centres: 1 for four neighbours, 1/2 for three."""
    mask = np.zeros(shape, np.uint8)
    mask[tuple(zip(*part, strict=True))] = 1
    for hole in _holes(mask):
        mask[tuple(zip(*hole, strict=True))] = 1
    corners = mask[:-1, :-1] + mask[1:, :-1] + mask[:-1, 1:] + mask[1:, 1:]
    return (corners == 4).sum() + (corners == 3).sum() / 2


def _not_enclosed(part, foreground):
    """Whether the background around a part reaches the outside."""
    others = foreground.copy()
    others[tuple(zip(*part, strict=True))] = 0
    return not any(part[0] in hole for hole in _holes(others))


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


def test_components_are_those_of_a_flood_fill():
    for foreground in FOREGROUNDS:
        parts = sorted(_flood_fill(foreground, EIGHT), key=len, reverse=True)  # equal ones stay in raster order
        rects, pixels = components(foreground)
        assert rects.tolist() == list(map(_rect, parts))
        assert pixels.tolist() == list(map(len, parts))
        assert REGION_RECTS['component'](foreground) == rects[:1].tolist()


def test_union_is_around_every_pixel():
    for foreground in FOREGROUNDS:
        pixels = np.argwhere(foreground).tolist()
        assert list(map(list, REGION_RECTS['union'](foreground))) == ([_rect(pixels)] if pixels else [])


def test_all_contours_are_those_of_parts_and_of_holes():
    for foreground in FOREGROUNDS:
        expected = list(map(_rect, _flood_fill(foreground, EIGHT))) + [_rect(hole, 1) for hole in _holes(foreground)]
        assert sorted(map(list, REGION_RECTS['all_contours'](foreground))) == sorted(expected)


def test_the_contour_is_that_with_the_largest_area():
    for foreground in FOREGROUNDS:
        parts = _flood_fill(foreground, EIGHT)
        areas = [_contour_area(part, foreground.shape) for part in parts]
        largest = [_rect(part) for part, area in zip(parts, areas, strict=True) if area == max(areas)]
        found = list(map(list, REGION_RECTS['contour'](foreground)))
        assert (found == []) if not parts else (len(found) == 1 and found[0] in largest)


def test_outer_contours_are_all_parts_that_lie_in_no_hole():
    for foreground in FOREGROUNDS:
        parts = [part for part in _flood_fill(foreground, EIGHT) if _not_enclosed(part, foreground)]
        rects, areas = outer_contours(foreground)
        assert sorted(map(tuple, rects.tolist())) == sorted(tuple(_rect(part)) for part in parts)
        assert areas.tolist() == sorted((_contour_area(part, foreground.shape) for part in parts), reverse=True)


def test_area_and_number_of_pixels_choose_differently():
    """A ring encloses more, a block has more pixels."""
    foreground = np.zeros((20, 40), np.uint8)
    foreground[1:13, 1:13] = 1
    foreground[2:12, 2:12] = 0  # 44 pixels around 100 others
    foreground[5:14, 20:29] = 1  # 81 pixels
    assert list(map(list, REGION_RECTS['contour'](foreground))) == [[1, 1, 12, 12]]
    assert REGION_RECTS['component'](foreground) == [[20, 5, 9, 9]]
    assert list(map(list, REGION_RECTS['union'](foreground))) == [[1, 1, 28, 13]]
    rects, pixels = components(foreground)
    assert (rects.tolist(), pixels.tolist()) == ([[20, 5, 9, 9], [1, 1, 12, 12]], [81, 44])
    rects, areas = outer_contours(foreground)
    assert (rects.tolist(), areas.tolist()) == ([[1, 1, 12, 12], [20, 5, 9, 9]], [121, 64])
