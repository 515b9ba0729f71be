import os

import numpy as np
import pytest

from mmtscam.speed import metrics
from mmtscam.speed.metrics import compare_metrics, follow_metrics, make_maps, make_samples


def test_maps_have_their_hill_in_the_box():
    for score_map, truth in make_maps(14, 4):
        y, x = np.unravel_index(score_map.argmax(), score_map.shape)
        x1, y1, x2, y2 = truth[0]
        assert score_map.shape == (14, 14)
        assert x1 <= (x + 0.5) * 16 <= x2 and y1 <= (y + 0.5) * 16 <= y2


def test_samples_have_the_maps_that_metrics_ask_for():
    first, second = make_samples(make_maps(14, 2), classes=10, start=3)
    assert [sample['img_id'] for sample in (first, second)] == [3, 4]
    top = first['pred_score'].topk(5).indices.tolist()
    assert set(first['class_maps']['labels'].tolist()) == {3, *top}


def test_each_cost_comes_with_its_baseline():
    cores = os.sched_getaffinity(0)
    costs = list(compare_metrics(images=1, rounds=2))
    assert [cost.images for cost in costs] == [1] * 6
    for cost in costs:
        assert len(cost.baseline) == len(cost.ours) == 2
        assert min(*cost.baseline, *cost.ours) > 0
    assert os.sched_getaffinity(0) == cores


def test_a_sweep_that_counts_otherwise_is_not_measured(monkeypatch):
    monkeypatch.setattr(metrics, 'correct_at_thresholds', lambda *args, **kwargs: np.zeros(3, bool))
    with pytest.raises(ValueError, match='wsol-v2, 14x14 maps, same counts: they differ from the direct way'):
        next(compare_metrics(images=1, rounds=1))


def test_the_state_of_metrics_on_their_way():
    states = list(follow_metrics(200, workers=0))
    assert [state.images for state in states] == [100, 200, 200]
    assert set(states[0].seconds) == {'LocAccuracy', 'MaxBoxAcc', 'PixelAP'}
    assert all(0 < states[0].seconds[name] < states[1].seconds[name] for name in states[0].seconds)
