import dataclasses
import itertools
import re
from decimal import Decimal
from fractions import Fraction
from math import floor

import numpy as np
import plain_boxes
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mmtscam.localization import (
    PROTOCOLS,
    box_overlaps,
    boxes_to_frame,
    boxes_to_image,
    get_protocol,
    map_to_boxes,
    map_to_instances,
    normalize_map,
    quantize_map,
    threshold_map,
)

TSCAM, WSOL_V1, WSOL_V2 = (get_protocol(name, threshold=0.1) for name in ('tscam', 'wsol-v1', 'wsol-v2'))
MODES = {'bilinear': TSCAM, 'bicubic': WSOL_V1}

# No subnormals: a power of two then scales without rounding.
floats = st.floats(-100, 100, width=32, allow_subnormal=False).map(lambda x: 0.0 if abs(x) < 1e-3 else x)
score_maps = npst.arrays(np.float32, st.tuples(st.integers(1, 15), st.integers(1, 15)), elements=floats)


def integer_boxes(limit, size):
    """Arrays of ``size`` boxes of whole pixels, at least one pixel large."""
    edge = st.integers(0, limit)
    box = st.tuples(edge, edge, edge, edge).map(
        lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
    )
    return st.lists(box, min_size=size, max_size=size).map(np.array)


# --------------------------------------------------------------- normalize_map


def test_a_stored_map_is_scored_as_it_stands():
    protocol = dataclasses.replace(WSOL_V2, normalize=False)
    score_map = np.random.default_rng(0).uniform(0.2, 0.8, (224, 224))
    assert normalize_map(score_map, protocol) is score_map
    assert quantize_map(score_map, protocol).max() == 203  # int(0.8 * 255), not 255
    assert normalize_map(score_map, WSOL_V2).max() == 1


@pytest.mark.parametrize(
    ('shape', 'low', 'high'), [((14, 14), 0, 1), ((224, 224), -0.1, 1), ((224, 224), 0, 1.1), ((224, 224), 0, np.nan)]
)
def test_another_map_cannot_be_scored_as_it_stands(shape, low, high):
    score_map = np.full(shape, low, np.float64)
    score_map[0, 0] = high
    with pytest.raises(ValueError, match=r'cannot be scored as it stands, which needs shape \(224, 224\)'):
        normalize_map(score_map, dataclasses.replace(WSOL_V2, normalize=False))


# ---------------------------------------------------------------- quantize_map


@pytest.mark.parametrize('mode', MODES)
@settings(max_examples=30, deadline=None)
@given(score_map=score_maps)
def test_quantize_agrees_with_torch(mode, score_map):
    resized = F.interpolate(
        torch.from_numpy(score_map)[None, None].double(), size=(224, 224), mode=mode, align_corners=False
    )[0, 0].numpy()
    assume(resized.max() - resized.min() > 0.01)
    expected = (resized - resized.min()) / (resized.max() - resized.min()) * 255
    grey = quantize_map(score_map, MODES[mode])
    assert grey.shape == (224, 224)
    assert grey.dtype == np.uint8
    # Truncation: at most one level below, never above but for rounding.
    assert (grey <= expected + 0.05).all()
    assert (grey > expected - 1.05).all()


@settings(max_examples=50, deadline=None)
@given(score_map=score_maps, protocol=st.sampled_from([TSCAM, WSOL_V1]))
def test_quantize_spans_all_levels_or_says_nothing(score_map, protocol):
    grey = quantize_map(score_map, protocol)
    if score_map.min() == score_map.max():
        assert not grey.any()
    else:
        assert (grey.min(), grey.max()) == (0, 255)


def test_quantize_truncates_in_the_frame():
    protocol = dataclasses.replace(TSCAM, frame=(4, 2))
    score_map = np.array([[0, 0.6, 1.4, 99.99], [254.5, 254.9, 255, 128.5]])
    assert quantize_map(score_map, protocol).tolist() == [[0, 0, 1, 99], [254, 254, 255, 128]]


def test_quantize_takes_width_before_height_from_the_frame():
    protocol = dataclasses.replace(TSCAM, frame=(30, 20))
    assert quantize_map(np.eye(5), protocol).shape == (20, 30)
    wide = np.zeros((20, 30))
    wide[3, 25] = 1
    assert np.argwhere(quantize_map(wide, protocol)).tolist() == [[3, 25]]


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64, np.int64, np.uint8, bool])
def test_quantize_takes_any_number_type(dtype):
    values = np.zeros((14, 14), dtype)
    values[3:9, 4:8] = 1
    assert np.array_equal(quantize_map(values, TSCAM), quantize_map(values.astype(np.float32), TSCAM))


@pytest.mark.parametrize('protocol', [TSCAM, WSOL_V1])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_says_nothing(protocol, value):
    score_map = np.random.default_rng(0).random((14, 14))
    score_map[5, 5] = value
    assert not quantize_map(score_map, protocol).any()
    assert map_to_boxes(score_map, protocol).tolist() == [list(protocol.empty_box)]


@pytest.mark.parametrize('shape', [(14,), (1, 14, 14), (0, 14), (14, 0), ()])
def test_a_map_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match='non-empty'):
        quantize_map(np.zeros(shape), TSCAM)
    with pytest.raises(ValueError, match='non-empty'):
        map_to_boxes(np.zeros(shape), TSCAM)


def test_the_map_is_not_changed():
    score_map = np.random.default_rng(0).random((224, 224)).astype(np.float32)
    before = score_map.copy()
    map_to_boxes(score_map, TSCAM)
    assert np.array_equal(score_map, before)


# --------------------------------------------------------------- threshold_map


@settings(max_examples=300, deadline=None)
@given(
    score_map=st.one_of(
        npst.arrays(np.float32, (6, 5), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
        npst.arrays(np.float32, (6, 5), elements=st.floats(-1, 1, width=32)),
        npst.arrays(np.float64, (6, 5), elements=st.floats(-1e-300, 1e-300)),
        npst.arrays(
            np.float32, (12, 10), elements=st.sampled_from(list(np.float32([0, 1, 1.0000001, 0.1, 25.5, 26, 255])))
        ),
        npst.arrays(np.float32, (6, 5), elements=st.sampled_from([0, 1, np.nan, np.inf, -np.inf])),
    ),
    threshold=st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 0.1, 0.12, 26 / 255, 0.3, 0.999])),
)
def test_foreground_is_that_of_the_grey_levels(score_map, threshold):
    protocol = dataclasses.replace(TSCAM, frame=(10, 12), threshold=threshold)
    grey = quantize_map(score_map, protocol)
    assert np.array_equal(threshold_map(score_map, protocol), grey > int(threshold * grey.max()))


@pytest.mark.parametrize('threshold', [0.05, 0.1, 0.12, 0.3, 0.7])
def test_foreground_of_maps_of_the_model_size(threshold):
    rng = np.random.default_rng(0)
    protocol = dataclasses.replace(TSCAM, threshold=threshold)
    for scale in (1e-6, 1, 1e4):
        for _ in range(30):
            score_map = (rng.standard_normal((14, 14)) * scale + rng.uniform(-scale, scale)).astype(np.float32)
            grey = quantize_map(score_map, protocol)
            assert np.array_equal(threshold_map(score_map, protocol), grey > int(threshold * grey.max()))


def test_foreground_of_a_map_that_is_not_normalised():
    protocol = dataclasses.replace(WSOL_V2, normalize=False, frame=(2, 1), threshold=0.5)
    assert threshold_map(np.array([[0.2, 0.8]]), protocol).tolist() == [[0, 1]]
    assert threshold_map(np.array([[0.7, 0.8]]), protocol).tolist() == [[1, 1]]  # half of the highest, 0.8


# ---------------------------------------------------------------- map_to_boxes


def _components(foreground):
    """Tight boxes, maximum edges exclusive, and sizes of the 8-connected components, by flood fill."""
    left = {tuple(point) for point in np.argwhere(foreground).tolist()}
    boxes = []
    while left:
        todo, component = [left.pop()], []
        while todo:
            y, x = todo.pop()
            component.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            todo.extend(near)
        ys, xs = zip(*component, strict=True)
        boxes.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    return boxes


foregrounds = npst.arrays(bool, (10, 12), elements=st.sampled_from([False, False, True]))


@settings(max_examples=100, deadline=None)
@given(foreground=foregrounds)
def test_boxes_are_tight_boxes_of_components(foreground):
    assume(foreground.any() and not foreground.all())
    protocol = dataclasses.replace(TSCAM, frame=(12, 10), threshold=0.5)
    components = _components(foreground)
    (largest,) = map_to_boxes(foreground, protocol).tolist()
    assert tuple(largest) in components

    every = map_to_boxes(foreground, dataclasses.replace(protocol, regions='all_contours')).tolist()
    assert largest in every
    assert set(components) <= {tuple(box) for box in every}
    for x1, y1, x2, y2 in every:  # a contour around a hole lies within its component
        assert any(a <= x1 and b <= y1 and x2 <= c and y2 <= d for a, b, c, d in components)


def test_the_larger_of_two_is_boxed():
    protocol = dataclasses.replace(TSCAM, frame=(20, 10), threshold=0.5)
    score_map = np.zeros((10, 20))
    score_map[1:5, 1:6] = 1
    score_map[2:9, 10:18] = 1
    assert map_to_boxes(score_map, protocol).tolist() == [[10, 2, 18, 9]]
    score_map[2:9, 10:16] = 0
    assert map_to_boxes(score_map, protocol).tolist() == [[1, 1, 6, 5]]


def test_largest_is_the_area_within_the_contour_not_the_number_of_pixels():
    protocol = dataclasses.replace(TSCAM, frame=(40, 20), threshold=0.5)
    score_map = np.zeros((20, 40))
    score_map[1:13, 1:13] = 1
    score_map[2:12, 2:12] = 0  # a ring of 44 pixels around 100 others
    score_map[5:14, 20:29] = 1  # 81 pixels
    assert map_to_boxes(score_map, protocol).tolist() == [[1, 1, 13, 13]]


def test_all_contours_include_the_holes_as_in_the_benchmark():
    protocol = dataclasses.replace(WSOL_V2, frame=(20, 20), threshold=0.5)
    score_map = np.zeros((20, 20))
    score_map[2:15, 3:16] = 1
    score_map[6:10, 7:12] = 0
    assert sorted(map_to_boxes(score_map, protocol).tolist()) == [[3, 2, 16, 15], [6, 5, 13, 11]]


@pytest.mark.parametrize('threshold', [0.0, 0.1, 0.12, 0.3, 0.5, 0.999])
def test_foreground_is_strictly_above_the_cut(threshold):
    cut = int(threshold * 255)
    protocol = dataclasses.replace(TSCAM, frame=(20, 4), threshold=threshold)
    score_map = np.zeros((4, 20))
    score_map[1, 2] = cut + 0.5 if cut else 0
    score_map[1, 4:7] = [cut + 1.5, 255, cut + 1.5] if cut < 254 else [255, 255, 255]
    score_map[2, 4:7] = score_map[1, 4:7]
    score_map[2, 2:4] = cut + 0.5 if cut else 0
    assert map_to_boxes(score_map, protocol).tolist() == [[4, 1, 7, 3]]


@settings(max_examples=50, deadline=None)
@given(score_map=score_maps, name=st.sampled_from(list(PROTOCOLS)), threshold=st.floats(0, 0.999))
def test_boxes_lie_in_the_frame(score_map, name, threshold):
    protocol = get_protocol(name, threshold=threshold)
    boxes = map_to_boxes(score_map, protocol)
    assert boxes.dtype == np.int64
    assert boxes.shape == (len(boxes), 4)
    assert len(boxes) >= 1 if protocol.regions == 'all_contours' else len(boxes) == 1
    assert (boxes >= 0).all()
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert boxes.max() <= (223 if protocol.clamp_boxes else 224)
    if name == 'tscam':
        assert (boxes[:, :2] < boxes[:, 2:]).all()


@settings(max_examples=50, deadline=None)
@given(
    score_map=score_maps,
    exponent=st.integers(-20, 20),
    name=st.sampled_from(list(PROTOCOLS)),
    threshold=st.floats(0, 0.999),
)
def test_a_positive_factor_changes_nothing(score_map, exponent, name, threshold):
    protocol = get_protocol(name, threshold=threshold, epsilon=0.0)
    assert np.array_equal(
        map_to_boxes(score_map * np.float32(2.0**exponent), protocol), map_to_boxes(score_map, protocol)
    )


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('name', PROTOCOLS)
def test_maps_of_the_largest_numbers_are_boxed_as_others(name, dtype):
    protocol = get_protocol(name, threshold=0.3, epsilon=0.0)
    score_map = np.random.default_rng(0).uniform(-1, 1, (14, 14)).astype(dtype)
    largest = np.ldexp(score_map, np.finfo(dtype).maxexp)
    assert np.isfinite(largest).all()
    assert np.array_equal(normalize_map(largest, protocol), normalize_map(score_map, protocol))
    assert np.array_equal(map_to_boxes(largest, protocol), map_to_boxes(score_map, protocol))


@settings(max_examples=50, deadline=None)
@given(
    score_map=npst.arrays(np.float32, (16, 16), elements=st.integers(-64, 64).map(float)),
    shift=st.integers(-512, 512),
    exponent=st.integers(-8, 8),
)
def test_an_offset_changes_nothing(score_map, shift, exponent):
    protocol = dataclasses.replace(TSCAM, frame=(16, 16))  # no resizing: all sums are exact
    moved = score_map * np.float32(2.0**exponent) + np.float32(shift * 2.0**exponent)
    assert np.array_equal(map_to_boxes(moved, protocol), map_to_boxes(score_map, protocol))


@settings(max_examples=50, deadline=None)
@given(
    part=npst.arrays(np.float32, (9, 9), elements=st.integers(0, 20).map(float)),
    start=st.tuples(st.integers(0, 22), st.integers(0, 14)),
    end=st.tuples(st.integers(0, 22), st.integers(0, 14)),
    name=st.sampled_from(list(PROTOCOLS)),
    threshold=st.floats(0, 0.99),
)
def test_the_boxes_of_a_translated_map_translate(part, start, end, name, threshold):
    assume(part.any())
    protocol = get_protocol(name, threshold=threshold, frame=(32, 24), clamp_boxes=False)
    reached = []
    for x, y in (start, end):
        score_map = np.zeros((24, 32), np.float32)
        score_map[y : y + 9, x : x + 9] = part
        reached.append(sorted((map_to_boxes(score_map, protocol) - (x, y, x, y)).tolist()))
    assert reached[0] == reached[1]


@settings(max_examples=50, deadline=None)
@given(score_map=score_maps, low=st.floats(0, 0.99), high=st.floats(0, 0.99))
def test_a_higher_threshold_never_enlarges_the_foreground(score_map, low, high):
    low, high = sorted((low, high))
    grey = quantize_map(score_map, WSOL_V2)
    foregrounds = [grey > int(threshold * grey.max()) for threshold in (low, high)]
    assert not (foregrounds[1] & ~foregrounds[0]).any()


@settings(max_examples=50, deadline=None)
@given(score_map=score_maps, low=st.floats(0, 0.99), high=st.floats(0, 0.99))
def test_a_higher_threshold_never_reaches_further(score_map, low, high):
    low, high = sorted((low, high))
    assume(score_map.min() < score_map.max())
    reach = [map_to_boxes(score_map, dataclasses.replace(WSOL_V2, threshold=value)) for value in (low, high)]
    assert (reach[0][:, :2].min(axis=0) <= reach[1][:, :2].min(axis=0)).all()
    assert (reach[0][:, 2:].max(axis=0) >= reach[1][:, 2:].max(axis=0)).all()


@settings(max_examples=30, deadline=None)
@given(value=floats, shape=st.tuples(st.integers(1, 15), st.integers(1, 15)))
def test_a_constant_map_gives_the_empty_box(value, shape):
    score_map = np.full(shape, value, np.float32)
    assert map_to_boxes(score_map, TSCAM).tolist() == [[0, 0, 1, 1]]
    assert map_to_boxes(score_map, WSOL_V1).tolist() == [[0, 0, 0, 0]]
    assert map_to_boxes(score_map, WSOL_V2).tolist() == [[0, 0, 0, 0]]


def test_maximum_edges_at_the_border_are_clamped_by_wsol_only():
    score_map = np.zeros((224, 224), np.float32)
    score_map[100:, 50:] = 1
    assert map_to_boxes(score_map, TSCAM).tolist() == [[50, 100, 224, 224]]
    assert map_to_boxes(score_map, WSOL_V1).tolist() == [[50, 100, 223, 223]]
    assert map_to_boxes(score_map, WSOL_V2).tolist() == [[50, 100, 223, 223]]


def test_clamping_follows_a_frame_that_is_not_square():
    protocol = dataclasses.replace(WSOL_V1, frame=(30, 20))
    score_map = np.zeros((20, 30), np.float32)
    score_map[5:, 10:] = 1
    assert map_to_boxes(score_map, protocol).tolist() == [[10, 5, 29, 19]]


@pytest.mark.parametrize('name', ['wsol-v1', 'wsol-v2'])
def test_an_open_threshold_must_be_set(name):
    hint = re.escape(f"protocol '{name}' leaves the threshold open: set one with get_protocol(protocol, threshold=...)")
    with pytest.raises(ValueError, match=hint):
        map_to_boxes(np.eye(14), PROTOCOLS[name])


# ------------------------------------------------------- every field of a protocol

WIDTH, HEIGHT = 12, 10
THRESHOLDS = (0.0, 0.0625, 0.3, 0.5, 0.75, 0.99)


def _maps():
    """Maps from 0 to 16, which double and normalise without rounding; those that say nothing."""
    rng = np.random.default_rng(0)
    for kind in range(8):
        score_map = rng.integers(0, 17, (HEIGHT, WIDTH)).astype(np.float64)
        if kind % 2:
            score_map[rng.random(score_map.shape) < 0.7] = 0
        if kind % 4 > 1:  # a ring and a block
            score_map[1:6, 1:6] = 12
            score_map[2:5, 2:5] = 1
            score_map[5:9, 7:11] = 12
        score_map.flat[rng.choice(score_map.size, 2, replace=False)] = 0, 16
        yield score_map
    block = np.zeros((HEIGHT, WIDTH))
    block[4:7, 2:9] = 16
    yield block
    yield np.full((HEIGHT, WIDTH), 3.0)
    for value in (np.nan, np.inf, -np.inf):
        yield np.where(block == 16, value, block)


MAPS = list(_maps())
RULES = [
    dict(zip(('frame', 'normalize_first', 'epsilon', 'scale'), values, strict=True))
    for values in itertools.product(
        [(WIDTH, HEIGHT), (2 * WIDTH, 2 * HEIGHT)],
        [False, True],
        [0.0, 16.0],
        [{}, dict(percentile=90), dict(percentile=50.5), dict(absolute_threshold=True)],
    )
]


@pytest.mark.parametrize('regions', ['contour', 'all_contours', 'union', 'component'])
def test_boxes_are_those_of_a_plain_implementation(regions):
    rng = np.random.default_rng(1)
    for rules in RULES:
        rules = {**rules, 'regions': regions, 'clamp_boxes': bool(rng.integers(2))}
        protocol = get_protocol(dict(base='tscam', **rules.pop('scale'), **rules))
        for score_map in MAPS:
            protocol = dataclasses.replace(protocol, threshold=THRESHOLDS[rng.integers(len(THRESHOLDS))])
            assert threshold_map(score_map, protocol).tolist() == plain_boxes.foreground(score_map, protocol)
            found, expected = map_to_boxes(score_map, protocol).tolist(), plain_boxes.boxes(score_map, protocol)
            if regions == 'contour':
                assert len(found) == 1
                assert found[0] in expected
            else:
                assert sorted(found) == sorted(expected)


def test_a_map_scored_as_it_stands_is_not_normalised_whatever_the_protocol():
    for score_map in MAPS[:9]:
        for name in PROTOCOLS:
            protocol = get_protocol(name, frame=(WIDTH, HEIGHT), normalize=False, threshold=0.3)
            stored = score_map / 20
            assert normalize_map(stored, protocol) is stored
            assert threshold_map(stored, protocol).tolist() == plain_boxes.foreground(stored, protocol)


@pytest.mark.parametrize('min_area', [0.0, 0.3, 1.0])
@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_instances_are_separate_objects(name, min_area):
    protocol = get_protocol(name, frame=(WIDTH, HEIGHT), clamp_boxes=False)
    several = 0
    for score_map in MAPS:
        for threshold in THRESHOLDS:
            protocol = dataclasses.replace(protocol, threshold=threshold)
            foreground = np.array(plain_boxes.foreground(score_map, protocol))
            parts = plain_boxes.flood_fill(foreground, plain_boxes.EIGHT)
            if protocol.regions == 'component':
                sizes = list(map(len, parts))
            else:
                parts = [part for part in parts if plain_boxes.is_outermost(part, foreground)]
                sizes = [plain_boxes.contour_area(part, foreground.shape) for part in parts]
            kept = [rank for rank, size in enumerate(sizes) if size >= min_area * max(sizes)]
            boxes = map_to_instances(score_map, protocol, min_area)
            assert boxes.shape == (len(boxes), 4)
            expected = [plain_boxes.rect(parts[rank]) for rank in kept]
            assert sorted(boxes.tolist()) == sorted([x, y, x + w, y + h] for x, y, w, h in expected)
            if protocol.regions == 'component' and parts:
                assert boxes[:1].tolist() == map_to_boxes(score_map, protocol).tolist()
            several += len(boxes) > 1
    assert several


@pytest.mark.parametrize('epsilon', [0.0, 1e-5, 0.3])
@pytest.mark.parametrize('mode', MODES)
def test_normalised_first_agrees_with_torch(mode, epsilon):
    protocol = dataclasses.replace(MODES[mode], normalize_first=True, epsilon=epsilon)
    rng = np.random.default_rng(0)
    for _ in range(20):
        score_map = rng.standard_normal((14, 14)).astype(np.float32)
        small = torch.from_numpy((score_map - score_map.min()) / (np.ptp(score_map) + np.float32(epsilon)))
        resized = F.interpolate(small[None, None], size=(224, 224), mode=mode, align_corners=False)[0, 0].clip(0, 1)
        ours = normalize_map(score_map, protocol)
        assert ours.dtype == np.float32
        assert np.allclose(ours, resized.numpy(), atol=2e-6)
        assert ours.min() >= 0 and ours.max() <= 1


def test_a_peak_between_pixels_is_lower_when_normalised_first():
    peak = np.zeros((14, 14), np.float32)
    peak[6, 6] = 1
    assert normalize_map(peak, TSCAM).max() == 1
    assert normalize_map(peak, get_protocol('sat')).max() == pytest.approx((31 / 32) ** 2, abs=1e-4)


def test_the_box_of_sat_is_half_open():
    protocol = get_protocol('sat', frame=(20, 20))
    score_map = np.zeros((20, 20))
    score_map[4:9, 3:12] = 1
    assert map_to_boxes(score_map, protocol).tolist() == [[3, 4, 12, 9]]
    assert box_overlaps([[3, 4, 12, 9]], [[3, 4, 11, 8]])[0].item() == 45 / 60


@pytest.mark.parametrize('name', ['sat', 'rcam'])
def test_nothing_above_the_threshold_is_the_whole_frame(name):
    assert map_to_boxes(np.zeros((14, 14)), get_protocol(name)).tolist() == [[0, 0, 224, 224]]
    assert map_to_boxes(np.full((14, 14), np.nan), get_protocol(name)).tolist() == [[0, 0, 224, 224]]


def test_an_absolute_threshold_may_leave_nothing():
    protocol = get_protocol('sat', epsilon=1.0, threshold=0.5)
    score_map = np.zeros((14, 14))
    score_map[3:6, 3:6] = 1  # becomes 1 / (1 + 1), which is not above 0.5
    assert map_to_boxes(score_map, protocol).tolist() == [[0, 0, 224, 224]]
    assert map_to_instances(score_map, protocol).shape == (0, 4)


def test_the_percentile_is_that_of_grey_levels_in_the_frame():
    protocol = get_protocol('rcam', frame=(10, 1), threshold=0.5)
    score_map = np.array([[0, 1, 2, 3, 4, 5, 6, 30.9, 50.9, 255]])
    # Between 50 and 255, at 0.1 of the way: 70.5, so that the cut is 35.
    assert threshold_map(score_map, protocol).tolist() == [[0] * 8 + [1] * 2]
    assert threshold_map(score_map, dataclasses.replace(protocol, percentile=100)).tolist() == [[0] * 9 + [1]]


# ------------------------------------------------- boxes_to_frame and boxes_to_image

tenths = st.integers(0, 9999).map(lambda value: Decimal(value) / 10)
sides = st.integers(1, 1000)


def _is_floor(result, exact):
    """Whether ``result`` is ``exact`` truncated; just below a whole number counts where ``exact`` is one."""
    return result == floor(exact) or (exact == floor(exact) and result == exact - 1)


@settings(max_examples=200, deadline=None)
@given(
    xywh=st.tuples(tenths, tenths, tenths, tenths),
    image_size=st.tuples(sides, sides),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_tscam_truncates_size_scales_truncates_and_clamps(xywh, image_size, dtype):
    x, y, width, height = xywh
    boxes = np.array([[x, y, x + width, y + height]], np.float64).astype(dtype)
    (result,) = boxes_to_frame(boxes, image_size, TSCAM).tolist()
    exact = [int(x), int(y), int(x) + int(width), int(y) + int(height)]
    exact = [Fraction(224 * value, side) for value, side in zip(exact, 2 * image_size, strict=True)]
    assert all(_is_floor(value, edge) for value, edge in zip(result[:2], exact[:2], strict=True))
    for value, edge in zip(result[2:], exact[2:], strict=True):
        assert value == 223 if edge >= 225 else _is_floor(value, edge) or value == 223


@settings(max_examples=200, deadline=None)
@given(box=integer_boxes(1000, 1), image_size=st.tuples(sides, sides))
def test_wsol_scales_and_truncates(box, image_size):
    result = boxes_to_frame(box, image_size, WSOL_V1)
    assert result.dtype == np.int64
    for value, edge, side in zip(result[0].tolist(), box[0].tolist(), 2 * image_size, strict=True):
        assert _is_floor(value, Fraction(224 * edge, side))


def test_each_truncation_of_tscam():
    # 10.9 + 5.9 would be 16.8 and so 16; truncated apart it is 10 + 5.
    box = np.array([[10.9, 10.2, 16.8, 15.1]])
    assert boxes_to_frame(box, (224, 224), TSCAM).tolist() == [[10, 10, 15, 14]]
    assert boxes_to_frame(box, (224, 224), WSOL_V1).tolist() == [[10, 10, 16, 15]]
    assert boxes_to_frame(box, (448, 448), TSCAM).tolist() == [[5, 5, 7, 7]]


def test_the_whole_image():
    box = np.array([[0, 0, 500, 375]])
    assert boxes_to_frame(box, (500, 375), TSCAM).tolist() == [[0, 0, 223, 223]]
    assert boxes_to_frame(box, (500, 375), WSOL_V1).tolist() == [[0, 0, 224, 224]]
    assert boxes_to_image([[0, 0, 224, 224]], (500, 375), TSCAM).tolist() == [[0, 0, 500, 375]]


def test_width_scales_x_and_height_scales_y():
    protocol = dataclasses.replace(WSOL_V1, frame=(100, 50))
    assert boxes_to_frame([[10, 20, 30, 40]], (200, 400), protocol).tolist() == [[5, 2, 15, 5]]
    assert boxes_to_image([[5, 2, 15, 5]], (200, 400), protocol).tolist() == [[10, 16, 30, 40]]


def test_negative_edges_become_zero():
    assert boxes_to_frame([[-5, -0.5, 50, 50]], (224, 224), WSOL_V1).tolist() == [[0, 0, 50, 50]]


def test_no_boxes_stay_no_boxes():
    assert boxes_to_frame(np.zeros((0, 4)), (10, 10), TSCAM).shape == (0, 4)
    assert boxes_to_image(np.zeros((0, 4)), (10, 10), TSCAM).shape == (0, 4)


def test_a_float32_size_just_short_of_a_whole_one_keeps_it():
    start = np.float32(0.1)
    end = np.float32(start + 32)
    assert float(end) - float(start) < 32  # what float32 makes of it
    box = np.array([[start, 0, end, 32]], np.float32)
    assert boxes_to_frame(box, (224, 224), TSCAM).tolist() == [[0, 0, 32, 32]]


@settings(max_examples=100, deadline=None)
@given(boxes=integer_boxes(224, 3), image_size=st.tuples(sides, sides))
def test_from_the_frame_to_the_image_and_back(boxes, image_size):
    image_boxes = boxes_to_image(boxes, image_size, WSOL_V1)
    assert image_boxes.dtype == np.float32
    assert (image_boxes <= np.tile(image_size, 2)).all()
    back = boxes_to_frame(image_boxes + 1e-3 * np.tile(image_size, 2) / 224, image_size, WSOL_V1)
    assert np.array_equal(back, boxes)


@settings(max_examples=100, deadline=None)
@given(boxes=integer_boxes(1000, 3), image_size=st.tuples(sides, sides))
def test_from_the_image_to_the_frame_and_back(boxes, image_size):
    boxes = np.minimum(boxes, np.tile(image_size, 2))
    back = boxes_to_image(boxes_to_frame(boxes, image_size, WSOL_V1), image_size, WSOL_V1)
    pixel = np.tile(image_size, 2) / 224
    assert (back <= boxes + 1e-3).all()
    assert (back >= boxes - pixel - 1e-3).all()


# ---------------------------------------------------------------- box_overlaps


def _pixels(box):
    x1, y1, x2, y2 = box
    return {(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)}


@settings(max_examples=100, deadline=None)
@given(
    boxes=st.integers(1, 3).flatmap(lambda size: integer_boxes(12, size)),
    truth=st.integers(1, 3).flatmap(lambda size: integer_boxes(12, size)),
)
def test_overlaps_count_pixels(boxes, truth):
    overlaps = box_overlaps(boxes, truth)
    assert all(overlap.shape == (len(boxes), len(truth)) for overlap in overlaps)
    for i, box in enumerate(boxes.tolist()):
        for j, true_box in enumerate(truth.tolist()):
            a, b = _pixels(box), _pixels(true_box)
            expected = len(a & b) / len(a | b), len(a & b) / len(b), len(a & b) / len(a)
            assert tuple(overlap[i, j] for overlap in overlaps) == expected


@settings(max_examples=50, deadline=None)
@given(boxes=integer_boxes(300, 3), truth=integer_boxes(300, 2))
def test_overlaps_are_symmetric(boxes, truth):
    iou, iog, iob = box_overlaps(boxes, truth)
    back_iou, back_iog, back_iob = box_overlaps(truth, boxes)
    assert np.array_equal(iou, back_iou.T)
    assert np.array_equal(iog, back_iob.T)
    assert np.array_equal(iob, back_iog.T)
    assert (iou <= np.minimum(iog, iob)).all()
    assert np.array_equal(np.diag(box_overlaps(boxes, boxes)[0]), np.ones(3))


def test_touching_edges_share_a_line_of_pixels():
    iou, _, _ = box_overlaps([[0, 0, 4, 4]], [[4, 0, 8, 4], [5, 0, 9, 4]])
    assert iou.tolist() == [[5 / 45, 0.0]]


def test_exactly_half_is_exactly_half():
    assert box_overlaps([0, 0, 9, 9], [[0, 0, 9, 4]])[0].item() == 0.5


def test_overlaps_with_no_boxes():
    assert all(overlap.shape == (1, 0) for overlap in box_overlaps([[0, 0, 1, 1]], np.zeros((0, 4))))
    assert all(overlap.shape == (0, 1) for overlap in box_overlaps(np.zeros((0, 4)), [[0, 0, 1, 1]]))


def test_the_benchmark_multiplies_before_it_divides():
    """At 61 of 224 pixels a division first would fall short of 61."""
    box = [[61, 0, 122, 100]]
    assert boxes_to_frame(box, (224, 224), WSOL_V1).tolist() == [[61, 0, 122, 100]]
    assert boxes_to_frame(box, (224, 224), TSCAM).tolist() == [[60, 0, 121, 100]]
    exact = [floor(Fraction(edge) * 224 / 336) for edge in range(337)]
    framed = [boxes_to_frame([[edge, 0, edge, 0]], (336, 336), WSOL_V1)[0, 0] for edge in range(337)]
    assert framed == exact


@pytest.mark.parametrize('image_size', [(0, 10), (-1, 5), (300,)])
def test_an_image_has_two_sides(image_size):
    with pytest.raises(ValueError, match=r'image_size must be \(width, height\) in pixels, got'):
        boxes_to_image([[0, 0, 1, 1]], image_size, TSCAM)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_are_maps_too(dtype):
    """They may have any precision, and be within a graph of gradients."""
    score_map = torch.zeros(14, 14, dtype=dtype)
    score_map[4:8, 2:6] = 1
    assert map_to_boxes(score_map.requires_grad_(), PROTOCOLS['tscam']).tolist() == [[26, 58, 102, 134]]
