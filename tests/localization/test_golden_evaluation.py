"""The reference implementations' own numbers, reproduced exactly."""

import dataclasses

import numpy as np
import pytest

from mmtscam.localization import (
    PROTOCOLS,
    Outcome,
    box_overlaps,
    boxes_to_frame,
    correct_at_thresholds,
    localization_outcome,
    map_to_boxes,
    pixel_average_precision,
    pixel_histograms,
    threshold_grid,
)
from mmtscam.localization.pixels import IGNORE

OUTCOME_ARRAYS = {
    'right': Outcome.RIGHT,
    'cls_err': Outcome.CLASSIFICATION,
    'multi_instance': Outcome.MULTI_INSTANCE,
    'part': Outcome.PART,
    'more': Outcome.MORE,
    'other': Outcome.OTHER,
}


def _split(golden):
    return np.split(golden['gt_boxes'], np.cumsum(golden['gt_counts'])[:-1])


@pytest.mark.parametrize('threshold', [0.1, 0.12, 0.3])
def test_tscam_image_by_image(golden_eval, threshold):
    protocol = dataclasses.replace(PROTOCOLS['tscam'], threshold=threshold)
    results = {key.split('_', 1)[1]: [] for key in golden_eval if key.startswith(f'thr{threshold}_')}
    assert len(results) == 12
    for maps, logits, label, truth in zip(
        golden_eval['maps'], golden_eval['logits'], golden_eval['labels'], _split(golden_eval), strict=True
    ):
        ranking = np.argsort(-logits).tolist()
        (box,) = map_to_boxes(maps[label], protocol)
        iou = box_overlaps(box, truth)[0].max()
        (top_box,) = map_to_boxes(maps[ranking[0]], protocol)
        outcome = localization_outcome(top_box, truth) if ranking[0] == label else Outcome.CLASSIFICATION
        for k in (1, 5):
            results[f'cls_top{k}'].append(label in ranking[:k])
            results[f'loc_top{k}'].append(label in ranking[:k] and iou > 0.5)
        results['gt_known'].append(iou >= 0.5)
        for name, value in OUTCOME_ARRAYS.items():
            results[name].append(outcome is value)
        results['gt_class_boxes'].append(box)
    for name, values in results.items():
        assert np.array_equal(np.array(values), golden_eval[f'thr{threshold}_{name}']), name


def test_golden_outcomes_are_all_there(golden_eval):
    """The test above would prove nothing if the arrays were trivial."""
    seen = {name: sum(golden_eval[f'thr{thr}_{name}'].sum() for thr in (0.1, 0.12, 0.3)) for name in OUTCOME_ARRAYS}
    assert all(count > 0 for count in seen.values()), seen
    assert golden_eval['gt_counts'].max() > 1


@pytest.fixture(scope='module')
def wsol(assets):
    golden = dict(np.load(assets / 'golden' / 'wsolevaluation.npz'))
    golden['truth'] = [
        boxes_to_frame(boxes, tuple(size), PROTOCOLS['wsol-v1'])
        for boxes, size in zip(_split(golden), golden['image_sizes'].tolist(), strict=True)
    ]
    return golden


@pytest.mark.parametrize('name', ['wsol-v1', 'wsol-v2'])
@pytest.mark.parametrize('index', [0, 1, 50, 100, 250, 400, 600, 800, 999])
def test_wsol_images_correct_at_a_threshold(wsol, name, index):
    """One threshold the plain way; the sweep below does all of them."""
    protocol = dataclasses.replace(PROTOCOLS[name], threshold=index / 1000)
    best = [
        box_overlaps(map_to_boxes(score_map, protocol), truth)[0].max()
        for score_map, truth in zip(wsol['maps'], wsol['truth'], strict=True)
    ]
    for level in protocol.iou_levels:
        golden = wsol[f'box_{name[-2:]}_grid001_iou{round(level * 100)}_correct']
        assert (np.array(best) >= level).sum() == golden[index], level


@pytest.mark.parametrize('normalize', [True, False])  # these maps are normalised already
@pytest.mark.parametrize(('grid', 'step'), [('grid001', 0.001), ('grid01', 0.01)])
@pytest.mark.parametrize('name', ['wsol-v1', 'wsol-v2'])
def test_wsol_sweep(wsol, name, grid, step, normalize):
    protocol = dataclasses.replace(PROTOCOLS[name], normalize=normalize)
    correct = sum(
        correct_at_thresholds(score_map, truth, protocol, threshold_grid(step)).astype(int)
        for score_map, truth in zip(wsol['maps'], wsol['truth'], strict=True)
    )
    for level, counts in zip(protocol.iou_levels, correct, strict=True):
        key = f'box_{name[-2:]}_{grid}_iou{round(level * 100)}'
        assert np.array_equal(counts, wsol[f'{key}_correct']), level
        assert 100 * counts.max() / len(wsol['maps']) == wsol[f'{key}_max']


@pytest.mark.parametrize(('grid', 'step'), [('grid001', 0.001), ('grid01', 0.01)])
def test_wsol_pixel_average_precision(wsol, grid, step):
    masks = np.where(wsol['masks'] > 0, 1, np.where(wsol['ignore'] > 0, IGNORE, 0))
    histograms = sum(
        pixel_histograms(score_map, mask, PROTOCOLS['wsol-v2'], threshold_grid(step))
        for score_map, mask in zip(wsol['maps'], masks, strict=True)
    )
    assert pixel_average_precision(histograms) == pytest.approx(float(wsol[f'pxap_{grid}']), abs=1e-9)
    assert (masks == IGNORE).any()
