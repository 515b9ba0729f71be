"""Numbers of the metrics against plain implementations: random maps, boxes, masks and class scores.

``pytest tests/weekly/test_agreement.py -s`` prints the table. ``MMTSCAM_AGREEMENT_CASES`` sets the number of images.
"""

import os
from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from weekly.agreement import plain_maps, plain_scores
from weekly.agreement.maps import CLASSES, groups

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP
from mmtscam.localization import localization_outcome

pytest_plugins = ['weekly.agreement.fixtures']

CASES = int(os.environ.get('MMTSCAM_AGREEMENT_CASES', '10000'))
SIZE = 20  # images of a group
GRID = np.arange(0, 1, 0.001).tolist()


def evaluate(metric, group):
    """Numbers by name, without the prefix."""
    samples = [case.sample(number) for number, case in enumerate(group.cases)]
    for start in range(0, len(samples), 8):
        metric.process({}, samples[start : start + 8])
    return {name.removeprefix(f'{metric.prefix}/'): value for name, value in metric.evaluate(len(samples)).items()}


def some_groups(seed):
    """Nearly all in small frames, the others in the one of the protocols."""
    large = -(-CASES // SIZE // 100)
    yield from groups(large, SIZE, seed, frames=[(224, 224)])
    yield from groups(CASES // SIZE - large, SIZE, seed + 1)


def test_loc_accuracy(agreement):
    seen, several = set(), 0
    for group in some_groups(0):
        rules = group.rules
        metric = LocAccuracy(rules, rules.threshold)
        numbers = evaluate(metric, group)
        located = [plain_scores.locate(case, rules) for case in group.cases]
        rows = metric.result.rows
        differences = [0.0]
        outcomes = []
        for each, row in zip(located, rows, strict=True):
            assert row['rank'] == each.rank
            assert (row['iou'] is None) == (each.iou is None)
            if each.iou is not None:
                differences.append(abs(row['iou'] - each.iou))
                edges = [row[name] for name in ('x1', 'y1', 'x2', 'y2')]
                assert any(edges == pytest.approx(box, abs=0.006) for box in each.boxes), (rules, edges, each)
                assert row['outcome'] in each.outcomes, (rules, row, each)
                several += len(each.outcomes) > 1
                outcomes.append(row['outcome'])
        seen |= set(outcomes)
        expected = plain_scores.loc_accuracy(located, rules) | plain_scores.outcome_counts(outcomes)
        assert set(numbers) == set(expected)
        wrong = {name: (numbers[name], value) for name, value in expected.items() if abs(numbers[name] - value) > 1e-9}
        assert not wrong, (rules, wrong)
        agreement.add(
            '`LocAccuracy`: numbers, in percent, and plain code',
            len(rows),
            max(abs(numbers[name] - value) for name, value in expected.items()),
        )
        agreement.add('`LocAccuracy`: IoU of each image and plain code', len(rows), max(differences))
    assert seen == set(plain_scores.OUTCOMES)


def test_outcomes(agreement):
    """Boxes of few pixels, whose shares are often at a limit to the last bit."""
    rng = np.random.default_rng(0)
    seen = Counter()
    for _ in range(CASES):
        corners = np.sort(rng.integers(0, 10, (int(rng.integers(2, 5)), 2, 2)), axis=1).reshape(-1, 4)
        found, truth = corners[0], corners[1:]
        expected = plain_maps.outcome(found, truth, 0.5)
        assert localization_outcome(found, truth).value == expected, corners
        seen[expected] += 1
    assert set(seen) == set(plain_scores.OUTCOMES[1:])
    agreement.add('`localization_outcome` and plain code: outcomes that differ', CASES, 0)


def test_max_box_acc(agreement):
    """Every fifth group at the 1000 thresholds of MaxBoxAcc, the others at the 100 of the benchmark's command."""
    for index, group in enumerate(some_groups(100)):
        step = 0.01 if index % 5 else 0.001
        metric = MaxBoxAcc(group.rules, step)
        numbers = evaluate(metric, group)
        counts = plain_scores.max_box_acc(group, np.arange(0, 1, step).tolist())
        images = sum(len(case.boxes) > 0 for case in group.cases)
        curve = metric.result.curves['accuracy_over_threshold']
        curves = [curve[name] for name in curve if name != 'threshold']
        found = np.round(np.array(curves) * images / 100).astype(int)
        assert np.array_equal(found, counts), (group.rules, np.argwhere(found != counts)[:5])
        best = 100 * counts.max(axis=1) / images
        levels = [value for name, value in numbers.items() if name.startswith('maxboxacc') and 'mean' not in name]
        expected = [*([best.mean()] if len(best) > 1 else []), *best]
        difference = np.abs(np.array(levels) - expected).max()
        assert difference < 1e-9
        agreement.add(
            f'`MaxBoxAcc`: images right at each of {counts.shape[1]} thresholds and plain code', len(group.cases), 0
        )
        agreement.add('`MaxBoxAcc`: the best, in percent, and plain code', len(group.cases), difference)


def test_pixel_ap(agreement):
    for group in some_groups(200):
        number = evaluate(PixelAP(group.rules), group)['pxap']
        scores, truth = plain_scores.pixels(group)
        images = len(group.cases)
        difference = abs(number - plain_scores.pxap(scores, truth, GRID))
        assert difference < 1e-9
        agreement.add('`PixelAP`, in percent, and plain code', images, difference)
        # The bins alone tell scikit-learn's number from PxAP.
        bins = np.searchsorted([*GRID, 1.0], scores, side='right')
        difference = abs(number - 100 * average_precision_score(truth, bins))
        assert difference < 1e-9
        agreement.add('`PixelAP` and scikit-learn, of scores in 1001 bins', images, difference)
        difference = abs(number - 100 * average_precision_score(truth, scores))
        agreement.add('`PixelAP` and scikit-learn, of the scores themselves', images, difference)


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
def test_interpolation_of_opencv(agreement, interpolation):
    """The formula in double precision; the protocols leave the rounding to OpenCV."""
    rng = np.random.default_rng(0)
    for _ in range(CASES // 20):
        shape, frame = (tuple(rng.integers(1, 40, 2).tolist()) for _ in range(2))
        values = rng.random(shape)
        down, across = (plain_maps.weights(*sides, interpolation) for sides in zip(shape, frame, strict=True))
        expected = down @ values @ across.T
        for dtype in (np.float32, np.float64):
            found = plain_maps.cv2.resize(
                values.astype(dtype), frame[::-1], interpolation=plain_maps.BY_OPENCV[interpolation]
            )
            difference = abs(found - expected).max()
            assert difference < 5e-6  # its weights are in single precision, for maps in double too
            agreement.add(f'OpenCV, {interpolation}, {np.dtype(dtype)}, and the formula', 1, difference)


def test_all_kinds_of_case_are_there():
    """No check above is of cases that are all alike."""
    cases = [case for group in groups(60, SIZE, 0) for case in group.cases]
    assert {len(case.boxes) for case in cases} == {0, 1, 2, 3, 4}
    assert any(np.ptp(case.score_map) == 0 for case in cases)
    assert any((np.diff(np.sort(case.scores)) == 0).any() for case in cases)
    assert {case.score_map.dtype.name for case in cases} == {'float16', 'float32', 'float64'}
    assert {plain_scores.rank(case) for case in cases} == set(range(1, CLASSES + 1))
    assert any((case.mask == 255).any() for case in cases) and any(not case.mask.any() for case in cases)
