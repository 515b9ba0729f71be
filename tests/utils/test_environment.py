import os

import pytest

from mmtscam.utils.environment import environment_variable


@pytest.mark.parametrize('before', [None, 'kept'])
def test_a_variable_is_set_meanwhile(monkeypatch, before):
    monkeypatch.delenv('MMTSCAM_TRIED', raising=False)
    if before is not None:
        monkeypatch.setenv('MMTSCAM_TRIED', before)
    with pytest.raises(RuntimeError), environment_variable('MMTSCAM_TRIED', '1'):
        assert os.environ['MMTSCAM_TRIED'] == '1'
        raise RuntimeError
    assert os.environ.get('MMTSCAM_TRIED') == before
