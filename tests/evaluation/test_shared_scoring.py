import os
from functools import partial

import numpy as np
import pytest
import torch

from mmtscam.evaluation import BaseLocMetric, LocAccuracy, MaxBoxAcc, Number, PixelAP, shared_scoring
from mmtscam.localization import get_protocol

METRICS = {
    'LocAccuracy': partial(LocAccuracy, 'tscam', topk=(1, 2)),
    'LocAccuracy of SAT': partial(LocAccuracy, 'sat', map_kind='attention'),
    'MaxBoxAcc': partial(MaxBoxAcc, 'wsol-v1', step=0.02),
    'MaxBoxAccV2': partial(MaxBoxAcc, 'wsol-v2', step=0.02),
    'PixelAP': partial(PixelAP, 'wsol-v2', step=0.02),
}
each_metric = pytest.mark.parametrize('make', METRICS.values(), ids=METRICS)


def _mixed(samples):
    """Some images without an object in between."""
    bare = dict(gt_instances=dict(bboxes=np.zeros((0, 4))), gt_sem_seg=dict(sem_seg=torch.zeros(1, 9, 9)))
    return [{**sample, **bare} if place in (3, 8, 15) else sample for place, sample in enumerate(samples)]


@each_metric
@pytest.mark.parametrize(('num_workers', 'batch'), [(2, 1), (2, 5), (3, 16)])
def test_the_same_rows_numbers_and_curves(samples, evaluate, make, num_workers, batch):
    alone, shared = make(), make(num_workers=num_workers)
    with shared_scoring([shared]):
        assert shared.workers.count == num_workers
        for part in (_mixed(samples), samples[:7]):
            assert evaluate(shared, part, batch) == evaluate(alone, part)
            np.testing.assert_equal(shared.result, alone.result)
            assert shared.best == alone.best
    assert shared.workers is None


@pytest.mark.parametrize(('taken', 'count'), [(0, 8), (4, 4), (6, 2), (7, None), (99, None)])
def test_cores_that_others_leave(monkeypatch, taken, count):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)))
    metrics = [make() for make in METRICS.values()]
    with shared_scoring(metrics, taken):
        assert {metric.workers and metric.workers.count for metric in metrics} == {count}


def test_processes_are_those_of_all_metrics_that_ask_for_as_many(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(100)))
    counts = [None, 3, 0, None, 1, 3]
    metrics = [MaxBoxAcc(num_workers=count) for count in counts]
    with shared_scoring([*metrics, object()]):
        assert [metric.workers and metric.workers.count for metric in metrics] == [16, 3, None, 16, None, 3]
        assert metrics[0].workers is metrics[3].workers
        assert metrics[1].workers is metrics[5].workers


def test_a_number_of_processes_out_of_range():
    with pytest.raises(ValueError, match='num_workers must be at least 0, got -1'):
        PixelAP(num_workers=-1)


def _message(metric, samples):
    with pytest.raises(ValueError) as caught:
        metric.process({}, samples)
    return str(caught.value)


@pytest.mark.parametrize('first', ['score', 'truth', 'both'])
def test_the_same_message_about_the_first_image_that_is_wrong(make_sample, map_of, first):
    """Image 4 has a map that cannot be scored, which another process finds; image 6 or 2 lacks true boxes."""
    rules = dict(base='wsol-v2', normalize=False)
    samples = [make_sample(map_of((0, 0, 9, 9)), [[0, 0, 9, 9]], img_id=index) for index in range(9)]
    if first != 'truth':
        samples[4] = make_sample(2 * map_of((0, 0, 9, 9)), [[0, 0, 9, 9]], img_id=4)
    if first != 'score':
        samples[2 if first == 'truth' else 6].pop('gt_instances')
    shared = MaxBoxAcc(rules, num_workers=2)
    with shared_scoring([shared]):
        message = _message(shared, samples)
        assert message == _message(MaxBoxAcc(rules), samples)
        assert message.startswith(f'/data/set/test/{2 if first == "truth" else 4}.jpg: ')
        shared.process({}, samples[7:])  # the processes are there for the next batch


class Own(LocAccuracy):
    """A user's metric, whose rows are its own."""

    def score(self, sample, protocol):
        return dict(super().score(sample, protocol), process=os.getpid())


class WithTask(Own):
    """Also says how others do it."""

    def task(self, sample, protocol):
        return partial(_own_row, super().task(sample, protocol))


def _own_row(task):
    return dict(task(), process=os.getpid())


class Plain(BaseLocMetric):
    """The least that a metric needs."""

    def score(self, sample, protocol):
        return dict(process=os.getpid())

    def summarise(self, scored, images):
        return [Number('images', images)]


@pytest.mark.parametrize(('kind', 'shares'), [(Own, False), (WithTask, True), (Plain, False)])
def test_a_metric_of_a_user(samples, evaluate, kind, shares):
    metric = kind(num_workers=2)
    with shared_scoring([metric]):
        evaluate(metric, samples)
    assert metric.shares_work == shares
    assert all((row['process'] != os.getpid()) == shares for row in metric.result.rows[:15])


def test_a_threshold_of_each_image(make_samples, evaluate):
    """Thresholds travel with samples."""
    samples = make_samples()
    for place, sample in enumerate(samples):
        sample['class_maps'] = {**sample['class_maps'], 'threshold': (place % 4 + 1) / 10}
    alone, shared = LocAccuracy(get_protocol('tscam')), LocAccuracy(get_protocol('tscam'), num_workers=2)
    with shared_scoring([shared]):
        assert evaluate(shared, samples, 16) == evaluate(alone, samples)
    assert shared.result.rows == alone.result.rows
    assert len({row['threshold'] for row in shared.result.rows}) == 4
