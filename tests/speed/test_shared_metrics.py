import pytest

from mmtscam.evaluation import PixelAP
from mmtscam.speed import shared_metrics
from mmtscam.speed.shared_metrics import share_metrics


def test_each_metric_alone_and_shared():
    costs = share_metrics(images=6, rounds=2, workers=2)
    assert [cost.name.split(',')[0] for cost in costs] == ['MaxBoxAccV2', *['LocAccuracy'] * 3, 'PixelAP']
    for cost in costs:
        assert (len(cost.alone), len(cost.shared)) == (2, 2)
        assert all(each.workers == 0 < each.own for each in cost.alone)
        assert all(each.workers > 0 < each.own for each in cost.shared)
        assert all(each.wall > 0 for each in (*cost.alone, *cost.shared))


class Differing(PixelAP):
    """Counts otherwise where others help."""

    def keep(self, sample, scored, *args, **kwargs):
        super().keep(sample, scored + self.num_workers, *args, **kwargs)


def test_numbers_that_differ_are_not_measured(monkeypatch):
    monkeypatch.setattr(shared_metrics, '_KINDS', {'PixelAP': Differing})
    with pytest.raises(ValueError, match='PixelAP: 2 processes count otherwise than one'):
        share_metrics(images=4, rounds=1, workers=2)
