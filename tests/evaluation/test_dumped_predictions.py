import pickle

import pytest
import torch

from mmtscam.evaluation.dumped_predictions import DumpedPredictions


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    metric = DumpedPredictions(str(tmp_path / 'out.pkl'))
    metric.process({}, [dict(score=torch.ones(2))])
    assert metric.evaluate(1) == {}
    (found,) = pickle.loads((tmp_path / 'out.pkl').read_bytes())
    assert torch.equal(found['score'], torch.ones(2))
    metric.process({}, [dict(score=lambda: None)])  # no lambda can be pickled
    with pytest.raises((AttributeError, pickle.PicklingError)):
        metric.evaluate(1)
    assert len(pickle.loads((tmp_path / 'out.pkl').read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['out.pkl']
