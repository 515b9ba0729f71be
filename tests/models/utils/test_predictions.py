import pytest
import torch
from mmengine.structures import BaseDataElement

from mmtscam.models.utils import PendingSamples
from mmtscam.structures import LocDataSample


def test_samples_are_filled_once_at_the_first_look():
    calls = []

    def fill(samples, tensors):
        calls.append(tensors['scores'])
        for sample, score in zip(samples, tensors['scores'], strict=True):
            sample.set_pred_score(score)

    pending = PendingSamples([LocDataSample(), LocDataSample()], dict(scores=torch.eye(2)), fill)
    assert len(pending) == 2
    assert not calls
    assert pending[1].pred_score.tolist() == [0, 1]
    assert [sample.pred_score.tolist() for sample in pending] == [[1, 0], [0, 1]]
    first, last = pending
    assert first is pending[0] and last is pending[-1] and pending[:1] == [first]
    assert isinstance(first, BaseDataElement)
    assert len(calls) == 1


def test_an_error_is_raised_at_every_look():
    def fill(samples, tensors):
        raise ValueError('x/bird.jpg: label 7')

    pending = PendingSamples([LocDataSample()], {}, fill)
    for _ in range(2):
        with pytest.raises(ValueError, match=r'bird\.jpg'):
            list(pending)
