import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mmtscam.localization import (
    PROTOCOLS,
    box_overlaps,
    correct_at_thresholds,
    get_protocol,
    map_to_boxes,
    normalize_map,
    threshold_grid,
)

GRID = threshold_grid(0.01)
SMALL = {name: get_protocol(name, frame=(24, 20), iou_levels=(0.2, 0.5, 0.9), threshold=0.1) for name in PROTOCOLS}


def _directly(score_map, truth, protocol, thresholds):
    """One threshold after the other, through the functions that the golden numbers hold to account."""
    best = [
        box_overlaps(map_to_boxes(score_map, dataclasses.replace(protocol, threshold=threshold)), truth)[0].max()
        for threshold in thresholds.tolist()
    ]
    return np.array(best) >= np.array(protocol.iou_levels)[:, None]


def _assert_same(score_map, truth, protocol, thresholds=GRID):
    sweep = correct_at_thresholds(score_map, truth, protocol, thresholds)
    assert sweep.dtype == bool
    assert sweep.shape == (len(protocol.iou_levels), len(thresholds))
    assert np.array_equal(sweep, _directly(score_map, truth, protocol, thresholds))


def _boxes(width, height):
    def box(edges):
        (x1, x2), (y1, y2) = edges
        return [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]

    xs, ys = st.integers(0, width - 1), st.integers(0, height - 1)
    return st.lists(st.tuples(st.tuples(xs, xs), st.tuples(ys, ys)).map(box), min_size=1, max_size=3).map(np.array)


@pytest.mark.slow
@pytest.mark.parametrize('name', list(PROTOCOLS))
@settings(max_examples=150, deadline=None)
@given(
    score_map=npst.arrays(np.float32, (20, 24), elements=st.integers(0, 9).map(float)),
    truth=_boxes(24, 20),
)
def test_any_map_of_few_levels(name, score_map, truth):
    _assert_same(score_map, truth, SMALL[name])


@pytest.mark.parametrize('name', list(PROTOCOLS))
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), side=st.integers(1, 24), truth=_boxes(24, 20))
@pytest.mark.slow
def test_any_noise_at_any_resolution(name, seed, side, truth):
    _assert_same(np.random.default_rng(seed).random((side, side + 2), np.float32), truth, SMALL[name])


@pytest.mark.parametrize('name', list(PROTOCOLS))
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), truth=_boxes(24, 20))
def test_nested_rings_with_holes(name, seed, truth):
    """Each ring is a grey level of its own, so that holes open, grow and merge with the cuts."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((20, 24), np.uint8)
    for level in range(1, 12):
        x, y = (int(v) for v in rng.integers(0, 20, 2))
        cv2.circle(canvas, (x, y), int(rng.integers(1, 9)), int(rng.integers(1, 12)), int(rng.integers(1, 3)))
        cv2.line(canvas, (x, y), tuple(int(v) for v in rng.integers(0, 20, 2)), level, 1)
    _assert_same(canvas.astype(np.float32), truth, SMALL[name])


SCALES = [{}, dict(percentile=90), dict(percentile=35.5), dict(absolute_threshold=True)]
derived = st.builds(
    lambda scale, **rules: get_protocol(
        dict(base='tscam', frame=(24, 20), iou_levels=(0.2, 0.5, 0.9)), **scale, **rules
    ),
    scale=st.sampled_from(SCALES),
    regions=st.sampled_from(['contour', 'all_contours', 'union', 'component']),
    interpolation=st.sampled_from(['bilinear', 'bicubic']),
    normalize_first=st.booleans(),
    epsilon=st.sampled_from([0.0, 1e-5, 2.0]),
    clamp_boxes=st.booleans(),
    empty_box=st.sampled_from([(0, 0, 1, 1), (0, 0, 24, 20)]),
)


@settings(max_examples=200, deadline=None)
@given(protocol=derived, seed=st.integers(0, 10**6), side=st.integers(2, 20), truth=_boxes(24, 20))
def test_any_combination_of_fields(protocol, seed, side, truth):
    rng = np.random.default_rng(seed)
    score_map = rng.integers(0, 9, (side, side + 4)).astype(rng.choice([np.float32, np.float64]))
    _assert_same(score_map, truth, protocol, GRID[::3])


@pytest.mark.parametrize('regions', ['contour', 'all_contours', 'union', 'component'])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_thresholds_that_are_scores(regions, dtype):
    """An absolute threshold is strict, and as precise as the map."""
    rng = np.random.default_rng(0)
    protocol = get_protocol('sat', regions=regions, frame=(12, 10), empty_box=(0, 0, 12, 10), iou_levels=(0.3, 0.7))
    for _ in range(5):
        score_map = rng.random((5, 6)).astype(dtype)
        scores = np.unique(normalize_map(score_map, protocol)).astype(np.float64)
        near = [np.nextafter(scores, 0), scores, np.nextafter(scores, 1), scores + 1e-9]
        truth = rng.integers(0, 5, (1, 4)) + np.array([0, 0, 6, 5])
        _assert_same(score_map, truth, protocol, np.concatenate(near))


def test_the_empty_box_may_be_right_after_nothing_else_could_be():
    """At low thresholds the block is right, then a single pixel is not, then the whole frame is."""
    score_map = np.zeros((20, 24))
    score_map[:19, :22] = 0.25
    score_map[3, 4] = 1
    protocol = get_protocol('sat', frame=(24, 20), epsilon=1.0, empty_box=(0, 0, 24, 20))
    correct = correct_at_thresholds(score_map, [[0, 0, 23, 19]], protocol, [0.0, 0.1, 0.2, 0.4, 0.5, 0.9])
    assert correct.tolist() == [[True, True, False, False, True, True]]
    _assert_same(score_map, np.array([[0, 0, 23, 19]]), protocol)


@pytest.mark.slow
def test_patterns_of_four_by_four():
    """The boxes of the run-based tracer, holes and all, are those of OpenCV's findContours, and no others."""
    protocol = get_protocol('wsol-v2', frame=(4, 4), iou_levels=(1.0,), clamp_boxes=False)
    others = np.random.default_rng(0).integers(0, 5, (1 << 16, 2, 2))
    for pattern in range(1, 1 << 16, 9):
        foreground = np.array([pattern >> bit & 1 for bit in range(16)], np.float32).reshape(4, 4)
        expected = map_to_boxes(foreground, dataclasses.replace(protocol, threshold=0.5)).tolist()
        other = [*others[pattern].min(axis=0).tolist(), *others[pattern].max(axis=0).tolist()]
        for box in [*expected, other]:
            correct = correct_at_thresholds(foreground, np.array([box]), protocol, [0.5]).item()
            assert correct == (box in expected), (foreground, box)


@pytest.mark.parametrize('name', list(PROTOCOLS))
@pytest.mark.parametrize('value', [0.0, 1.0, -3.0, float('nan'), float('inf')])
@pytest.mark.parametrize('truth', [[[0, 0, 1, 1]], [[0, 0, 0, 0]], [[0, 0, 223, 223]]])
def test_a_map_that_says_nothing_is_the_empty_box(name, value, truth):
    score_map = np.full((14, 14), value, np.float32)
    score_map[3, 3] = value if np.isfinite(value) else 0
    _assert_same(score_map, np.array(truth), PROTOCOLS[name])


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_maps_of_a_real_shape(golden_eval, name):
    truth = np.split(golden_eval['gt_boxes'], np.cumsum(golden_eval['gt_counts'])[:-1])
    protocol = dataclasses.replace(PROTOCOLS[name], iou_levels=(0.3, 0.5, 0.7))
    for index in range(0, 96, 12):
        _assert_same(golden_eval['maps'][index, golden_eval['labels'][index]], truth[index], protocol)


def test_the_order_and_number_of_thresholds_do_not_matter(golden_eval):
    score_map, truth = golden_eval['maps'][0, golden_eval['labels'][0]], golden_eval['gt_boxes'][:1]
    protocol = PROTOCOLS['wsol-v2']
    whole = correct_at_thresholds(score_map, truth, protocol, GRID)
    order = np.random.default_rng(0).permutation(len(GRID))
    assert np.array_equal(correct_at_thresholds(score_map, truth, protocol, GRID[order]), whole[:, order])
    assert np.array_equal(correct_at_thresholds(score_map, truth, protocol, GRID[30:31]), whole[:, 30:31])
    assert whole.any() and not whole.all()


def test_grid_is_the_benchmarks():
    assert np.array_equal(threshold_grid(), np.arange(0, 1, 0.001))
    assert len(threshold_grid(0.01)) == 100


@pytest.mark.parametrize('step', [0, -0.1, 1.5, float('nan')])
def test_step_out_of_range(step):
    with pytest.raises(ValueError, match=r'step of a threshold grid must be in \(0, 1\]'):
        threshold_grid(step)


@pytest.mark.parametrize('thresholds', [[], [-0.1, 0.5], [0.5, 1.0], [float('nan')]])
def test_thresholds_out_of_range(thresholds):
    with pytest.raises(ValueError, match=r'thresholds must be one or more in \[0, 1\)'):
        correct_at_thresholds(np.eye(4), [[0, 0, 9, 9]], PROTOCOLS['wsol-v2'], thresholds)


def test_without_a_true_box_there_is_nothing_to_compare_with():
    with pytest.raises(ValueError, match='no true box to compare with'):
        correct_at_thresholds(np.eye(4), np.zeros((0, 4)), PROTOCOLS['wsol-v2'], GRID)
