import copy
import pickle

import pytest
import torch
from mmengine.structures import BaseDataElement

from mmtscam.models.heads import PendingSamples
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


@pytest.mark.parametrize('change', [copy.deepcopy, lambda pending: pickle.loads(pickle.dumps(pending))])
def test_a_copy_is_a_list_of_what_is_in_it(change):
    def fill(samples, tensors):  # which could not be pickled
        samples[0].set_pred_score(tensors['scores'][0])

    pending = PendingSamples([LocDataSample()], dict(scores=torch.eye(2)), fill)
    (sample,) = copied = change(pending)
    assert type(copied) is list
    assert sample.pred_score.tolist() == [1, 0]
    assert sample is not pending[0]
    assert repr(pending).startswith('[<LocDataSample(')


def test_an_error_is_raised_at_every_look():
    def fill(samples, tensors):
        raise ValueError('x/bird.jpg: label 7')

    pending = PendingSamples([LocDataSample()], {}, fill)
    for _ in range(2):
        with pytest.raises(ValueError, match=r'bird\.jpg'):
            list(pending)
