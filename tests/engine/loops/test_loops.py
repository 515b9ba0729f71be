import os

import pytest
import torch
from mmengine.evaluator import Evaluator
from torch.utils.data import DataLoader, Dataset

from mmtscam.engine import LocTestLoop, LocValLoop
from mmtscam.evaluation import PixelAP


class Numbers(Dataset):
    def __init__(self):
        self.metainfo = dict(classes=('a',))

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return index


class Recorder:
    """Stands in for Runner, model and evaluator: writes down who is called when."""

    def __init__(self):
        self.calls = []
        self.model = self.visualizer = self
        self.fail = False

    def eval(self):
        self.calls.append('eval')

    def call_hook(self, name, batch_idx=None, **kwargs):
        self.calls.append((name, batch_idx) if batch_idx is not None else name)
        if name.startswith('after') and batch_idx is not None:
            assert kwargs['outputs'] == [int(number) * 10 for number in kwargs['data_batch']]

    def test_step(self, batch):
        self.calls.append(('step', batch[0].item() // 2, torch.is_autocast_enabled('cpu'), torch.is_grad_enabled()))
        if self.fail and batch[0] == 4:
            raise RuntimeError('broken image')
        return [int(number) * 10 for number in batch]

    val_step = test_step


class Sum(Evaluator):
    def __init__(self, recorder):
        super().__init__([])
        self.calls = recorder.calls
        self.seen = []

    def process(self, data_samples, data_batch=None):
        self.calls.append(('process', data_batch[0].item() // 2))
        self.seen += data_samples

    def evaluate(self, size):
        self.calls.append('evaluate')
        return dict(sum=sum(self.seen), size=size)


def build(loop, **kwargs):
    recorder = Recorder()
    return recorder, loop(recorder, DataLoader(Numbers(), batch_size=2), Sum(recorder), **kwargs)


@pytest.mark.parametrize(('loop', 'stage'), [(LocTestLoop, 'test'), (LocValLoop, 'val')])
@pytest.mark.parametrize('fp16', [False, True])
def test_each_batch_is_scored_after_the_next_one_has_been_started(loop, stage, fp16):
    recorder, loop = build(loop, fp16=fp16)
    assert loop.run() == dict(sum=100, size=5)
    before, after = f'before_{stage}_iter', f'after_{stage}_iter'
    assert [call for call in recorder.calls if isinstance(call, tuple)] == [
        (before, 0), ('step', 0, fp16, False),
        (before, 1), ('step', 1, fp16, False), ('process', 0), (after, 0),
        (before, 2), ('step', 2, fp16, False), ('process', 1), (after, 1), ('process', 2), (after, 2),
    ]  # fmt: skip
    assert recorder.calls.index((after, 2)) < recorder.calls.index('evaluate')


def test_nothing_of_a_run_that_failed_is_scored_later():
    recorder, loop = build(LocTestLoop)
    recorder.fail = True
    with pytest.raises(RuntimeError, match='broken image'):
        loop.run()
    recorder.fail = False
    loop.evaluator.seen.clear()
    assert loop.run() == dict(sum=100, size=5)


@pytest.mark.parametrize(('num_workers', 'count'), [(0, 4), (2, 2), (3, None)])
def test_metrics_share_the_cores_that_the_loader_leaves(monkeypatch, num_workers, count):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {1, 2, 5, 7})
    recorder, loop = build(LocTestLoop)
    loop.dataloader = DataLoader(Numbers(), batch_size=2, num_workers=num_workers)
    metric, seen = PixelAP(), []
    loop.evaluator.metrics = [metric]
    process = loop.evaluator.process

    def watch(**kwargs):
        seen.append(metric.workers and metric.workers.count)
        process(**kwargs)

    loop.evaluator.process = watch
    assert loop.run() == dict(sum=100, size=5)
    assert seen == [count] * 3
    recorder.fail = True
    with pytest.raises(RuntimeError, match='broken image'):
        loop.run()
    assert metric.workers is None
