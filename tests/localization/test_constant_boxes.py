import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import PROTOCOLS, best_constant_box, constant_box_accuracy

TSCAM = PROTOCOLS['tscam']

edge = st.integers(0, 8)
boxes = st.tuples(edge, edge, edge, edge).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)
truths = st.lists(st.lists(boxes, min_size=1, max_size=3).map(np.array), min_size=1, max_size=6)


def _pixels(box):
    x1, y1, x2, y2 = box
    return {(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)}


def _hits(box, truth, level):
    """Images with a true box of at least ``level`` IoU, counting pixels."""
    pixels = _pixels(box)
    hits = 0
    for image in truth:
        true_pixels = [_pixels(true_box) for true_box in image.tolist()]
        hits += any(len(pixels & other) / len(pixels | other) >= level for other in true_pixels)
    return hits


@settings(max_examples=60, deadline=None)
@given(box=boxes, truth=truths, level=st.sampled_from([0.3, 0.5, 0.7]))
def test_accuracy_is_the_share_of_images_hit(box, truth, level):
    protocol = dataclasses.replace(TSCAM, iou_levels=(level,))
    accuracy = constant_box_accuracy(np.array(box), truth, protocol)
    assert accuracy == pytest.approx(100 * _hits(box, truth, level) / len(truth))


def test_exactly_half_is_a_hit():
    assert constant_box_accuracy(np.array([0, 0, 9, 9]), [np.array([[0, 0, 9, 4]])], TSCAM) == 100.0
    assert constant_box_accuracy(np.array([0, 0, 9, 9]), [np.array([[0, 0, 9, 3]])], TSCAM) == 0.0


@settings(max_examples=25, deadline=None)
@given(truth=truths)
def test_no_box_of_the_grid_is_better(truth):
    protocol = dataclasses.replace(TSCAM, frame=(9, 9))
    box = best_constant_box(truth, protocol, steps=4)  # edges at 0, 2, 4, 6, 8
    assert set(box.tolist()) <= {0, 2, 4, 6, 8}
    spans = list(itertools.combinations(range(0, 9, 2), 2))
    best = max(_hits((x1, y1, x2, y2), truth, 0.5) for x1, x2 in spans for y1, y2 in spans)
    assert _hits(box.tolist(), truth, 0.5) == best


def test_best_box_is_found_in_a_frame_that_is_not_square():
    protocol = dataclasses.replace(TSCAM, frame=(29, 15))
    truth = [np.array([[20, 4, 28, 8]])] * 3 + [np.array([[0, 0, 2, 2]])]
    box = best_constant_box(truth, protocol, steps=14)
    assert box.shape == (4,)
    assert (box >= 0).all()
    assert (box[2:] < protocol.frame).all()
    assert constant_box_accuracy(box, truth, protocol) == 75.0


def test_more_steps_than_pixels():
    protocol = dataclasses.replace(TSCAM, frame=(6, 6))
    truth = [np.array([[1, 2, 3, 4]])]
    assert constant_box_accuracy(best_constant_box(truth, protocol, steps=28), truth, protocol) == 100.0
