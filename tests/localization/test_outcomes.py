import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import Outcome, OutcomeLimits, localization_outcome

BOX = np.array([0, 0, 99, 99])  # 100 x 100 pixels


def _pixels(box):
    x1, y1, x2, y2 = box
    return {(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)}


def _slow_outcome(box, truth):
    """The rules of the evaluation, counting pixels."""
    pixels = _pixels(box)
    ious, iogs, iobs = [], [], []
    for true_box in truth:
        true_pixels = _pixels(true_box)
        shared = len(pixels & true_pixels)
        ious.append(shared / len(pixels | true_pixels))
        iogs.append(shared / len(true_pixels))
        iobs.append(shared / len(pixels))
    best = ious.index(max(ious))
    if ious[best] > 0.5:
        return 'right'
    if len([iog for iog in iogs if iog > 0.3]) > 1:
        return 'multi_instance'
    if iobs[best] > 0.5:
        return 'part'
    if iogs[best] >= 0.7:
        return 'more'
    return 'other'


edge = st.integers(0, 11)
boxes = st.tuples(edge, edge, edge, edge).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@settings(max_examples=300, deadline=None)
@given(box=boxes, truth=st.lists(boxes, min_size=1, max_size=4))
def test_outcome_follows_the_rules(box, truth):
    assert localization_outcome(np.array(box), np.array(truth)).value == _slow_outcome(box, truth)


@pytest.mark.parametrize(
    ('truth', 'outcome'),
    [
        ([[0, 0, 99, 99]], Outcome.RIGHT),
        ([[0, 0, 99, 50]], Outcome.RIGHT),  # IoU 0.51
        ([[0, 0, 99, 49]], Outcome.MORE),  # IoU exactly 0.5 is not above it
        ([[0, 0, 99, 39], [0, 60, 99, 99]], Outcome.MULTI_INSTANCE),
        ([[0, 0, 99, 39], [0, 0, 99, 79]], Outcome.RIGHT),  # right comes before multi-instance
        ([[0, 0, 299, 299]], Outcome.PART),
        ([[50, 0, 249, 99]], Outcome.OTHER),  # IoB exactly 0.5 is not above it
        ([[49, 0, 248, 99]], Outcome.PART),
        ([[0, 93, 99, 102]], Outcome.MORE),  # IoG exactly 0.7
        ([[0, 94, 99, 103]], Outcome.OTHER),
        ([[200, 200, 299, 299]], Outcome.OTHER),
    ],
)
def test_outcomes_at_their_limits(truth, outcome):
    assert localization_outcome(BOX, np.array(truth)) is outcome


def test_multi_instance_needs_more_than_one_above_its_limit():
    covered, at_limit, above = [0, 0, 99, 9], [0, 97, 99, 106], [0, 96, 99, 105]  # IoG 1, 0.3, 0.4
    assert localization_outcome(BOX, np.array([covered, at_limit])) is Outcome.MORE
    assert localization_outcome(BOX, np.array([covered, above])) is Outcome.MULTI_INSTANCE


def test_part_and_more_ask_the_nearest_box_only():
    nearest = [40, 0, 139, 99]  # IoU 60/140, IoG and IoB 0.6
    inside = [0, 0, 9, 9]  # IoG 1
    limits = OutcomeLimits(multi_instance_iog=1.0, part_iob=0.6, more_iog=0.9)
    assert localization_outcome(BOX, np.array([inside]), limits) is Outcome.MORE
    assert localization_outcome(BOX, np.array([inside, nearest]), limits) is Outcome.OTHER


def test_limits_are_arguments():
    truth = np.array([[0, 0, 99, 49]])  # IoU 0.5, IoG 1, IoB 0.5
    assert localization_outcome(BOX, truth, OutcomeLimits(iou=0.4)) is Outcome.RIGHT
    assert localization_outcome(BOX, truth, OutcomeLimits(part_iob=0.4)) is Outcome.PART
    assert localization_outcome(BOX, truth, OutcomeLimits(more_iog=1.1)) is Outcome.OTHER


def test_outcomes_in_the_order_in_which_they_are_asked():
    names = [outcome.value for outcome in Outcome]
    assert names == ['classification', 'right', 'multi_instance', 'part', 'more', 'other']
    assert OutcomeLimits() == OutcomeLimits(iou=0.5, multi_instance_iog=0.3, part_iob=0.5, more_iog=0.7)
