import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import (
    PROTOCOLS,
    normalize_map,
    pixel_average_precision,
    pixel_histograms,
    precision_recall,
    threshold_grid,
)

PROTOCOL = dataclasses.replace(PROTOCOLS['wsol-v2'], frame=(24, 20))
GRID = threshold_grid(0.1)


def _random(seed, shape=(20, 24)):
    rng = np.random.default_rng(seed)
    return rng.random(shape, np.float32), rng.choice([0, 0, 1, 255], shape).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_agrees_with_counting_pixels_one_by_one(seed):
    score_map, mask = _random(seed)
    scores = normalize_map(score_map, PROTOCOL)
    expected = np.zeros((2, 11), int)
    for row in range(20):
        for column in range(24):
            if mask[row, column] != 255:
                place = max(index for index in range(11) if scores[row, column] >= [*GRID, 1.0][index])
                expected[0 if mask[row, column] else 1, place] += 1
    assert np.array_equal(pixel_histograms(score_map, mask, PROTOCOL, GRID), expected)


def _searched(score_map, mask, protocol, thresholds):
    """Every pixel's bin by binary search, foreground and background counted one after the other."""
    kinds = np.where(mask == 255, 255, mask != 0).astype(np.uint8)
    kinds = cv2.resize(kinds, protocol.frame, interpolation=cv2.INTER_NEAREST)
    edges = np.append(thresholds, 1.0)
    bins = np.searchsorted(edges, normalize_map(score_map, protocol), side='right') - 1
    return np.array([np.bincount(bins[kinds == kind], minlength=len(edges)) for kind in (1, 0)])


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    protocol=st.sampled_from([dataclasses.replace(each, frame=(24, 20)) for each in PROTOCOLS.values()]),
    dtype=st.sampled_from([np.float32, np.float64]),
    levels=st.sampled_from([2, 5, 10**9]),
    kind=st.sampled_from(['int64', 'uint8', 'bool']),
    thresholds=st.one_of(
        st.sampled_from([1, 0.5, 0.3, 0.05, 0.001, 1e-4, 1e-5]).map(threshold_grid),
        st.lists(st.floats(1e-300, 1, exclude_max=True), max_size=9).map(lambda some: np.unique([0.0, *some])),
        st.sampled_from(['scores', 'next to scores', 'close together']),
    ),
)
def test_agrees_with_a_search_for_every_pixel(seed, protocol, dtype, levels, kind, thresholds):
    rng = np.random.default_rng(seed)
    score_map = rng.integers(0, levels, (5, 6)).astype(dtype)
    mask = rng.choice([0, 0, 1, 7, 255], (31, 17)).astype(kind)
    if isinstance(thresholds, str):
        scores = np.unique(normalize_map(score_map, protocol)).astype(np.float64)
        near = [scores] if thresholds == 'scores' else [np.nextafter(scores, 0), np.nextafter(scores, 1)]
        if thresholds == 'close together':  # many in one cell of the table
            near = [np.median(scores) + 1e-7 * np.arange(40)]
        thresholds = np.unique(np.concatenate([[0.0], *near]))
        thresholds = thresholds[thresholds < 1]
    counted = pixel_histograms(score_map, mask, protocol, thresholds)
    assert counted.dtype == np.int64
    assert np.array_equal(counted, _searched(score_map, mask, protocol, thresholds))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_area_under_the_curve(seed):
    """Against precision and recall of the pixels themselves, threshold after threshold."""
    score_map, mask = _random(seed)
    scores = normalize_map(score_map, PROTOCOL)
    expected, last_recall = 0.0, 0.0
    for threshold in [1.0, *GRID[::-1]]:
        above = (scores >= threshold) & (mask != 255)
        right = (above & (mask == 1)).sum()
        recall = right / (mask == 1).sum()
        if above.sum():
            expected += right / above.sum() * (recall - last_recall)
        last_recall = recall
    histograms = pixel_histograms(score_map, mask, PROTOCOL, GRID)
    assert pixel_average_precision(histograms) == pytest.approx(100 * expected, abs=1e-9)


def test_a_perfect_and_an_inverted_map():
    mask = np.zeros((20, 24), np.uint8)
    mask[5:10, 5:15] = 1
    perfect = pixel_histograms(mask.astype(np.float32), mask, PROTOCOL, GRID)
    assert pixel_average_precision(perfect) == 100.0
    inverted = pixel_histograms(1.0 - mask, mask, PROTOCOL, GRID)
    assert pixel_average_precision(inverted) == pytest.approx(100 * 50 / 480)


def test_ignored_pixels_do_not_count():
    score_map, mask = _random(0)
    histograms = pixel_histograms(score_map, mask, PROTOCOL, GRID)
    assert histograms.sum() == (mask != 255).sum()
    mask[:] = 255
    assert not pixel_histograms(score_map, mask, PROTOCOL, GRID).any()


@pytest.mark.parametrize('shape', [(40, 48), (33, 71), (1, 1)])
def test_the_mask_is_brought_to_the_frame_with_nearest_interpolation(shape):
    score_map, mask = _random(1)[0], _random(1, shape)[1]
    framed = cv2.resize(mask, (24, 20), interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(
        pixel_histograms(score_map, mask, PROTOCOL, GRID), pixel_histograms(score_map, framed, PROTOCOL, GRID)
    )


def test_precision_is_not_defined_above_the_highest_score():
    protocol = dataclasses.replace(PROTOCOL, normalize=False)
    histograms = pixel_histograms(np.full((20, 24), 0.55), np.ones((20, 24)), protocol, GRID)
    precision, recall = precision_recall(histograms)
    assert np.isnan(precision[:5]).all() and (precision[5:] == 1).all()
    assert recall.tolist() == [0.0] * 5 + [1.0] * 6
    assert pixel_average_precision(histograms) == 100.0


def test_without_foreground_there_is_no_result():
    histograms = pixel_histograms(_random(0)[0], np.zeros((20, 24)), PROTOCOL, GRID)
    with pytest.raises(ValueError, match='no mask has a foreground pixel'):
        pixel_average_precision(histograms)


@pytest.mark.parametrize('mask', [np.zeros((0, 4)), np.zeros(4), np.zeros((1, 4, 4))])
def test_a_mask_of_another_shape_is_refused(mask):
    with pytest.raises(ValueError, match=r'a mask must be a non-empty \(H, W\) array'):
        pixel_histograms(_random(0)[0], mask, PROTOCOL, GRID)


@pytest.mark.parametrize('thresholds', [[0.1, 0.2], [0, 0.5, 0.4], [0, 1.0], [0, 0]])
def test_thresholds_that_do_not_rise_from_0_are_refused(thresholds):
    with pytest.raises(ValueError, match='thresholds must rise from 0'):
        pixel_histograms(*_random(0), PROTOCOL, np.array(thresholds))


@pytest.mark.parametrize('value', [1, 2, 254, 256, 511, 65535])
def test_any_other_value_is_foreground(value):
    mask = np.full((20, 24), value)
    assert pixel_histograms(_random(0)[0], mask, PROTOCOL, GRID)[0].sum() == mask.size
