import numpy as np
import pytest

from mmtscam.speed.golden import golden_differences

QUANTITIES = {'class_attention', 'logits', 'coupled_maps', 'loss'}


def test_a_cpu_agrees_with_the_reference_in_every_precision(repo):
    found = golden_differences(str(repo / 'tests' / 'data' / 'tscam_small.npz'), 'cpu', compiled=[False])
    for precision in ('fp32', 'bf16', 'fp16'):
        names = {each.quantity for each in found if each.precision == precision}
        assert names > QUANTITIES
        assert sum(name.startswith('grad:') for name in names) == 3
    assert [each for each in found if not each.agrees] == []
    # Half precision is really computed in.
    worst = {each.precision: each.difference for each in found if each.quantity == 'class_attention'}
    assert worst['fp32'] < 1e-5 < worst['fp16'] < worst['bf16']


@pytest.mark.parametrize('name', ['logits', 'loss', 'grad:head.weight'])
def test_another_number_is_seen(golden_small, tmp_path, name):
    np.savez(tmp_path / 'changed.npz', **{**golden_small, name: 1.3 * golden_small[name]})
    found = golden_differences(str(tmp_path / 'changed.npz'), 'cpu', compiled=[False])
    assert {each.quantity for each in found if not each.agrees} == {name}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none'):
        golden_differences(str(tmp_path / 'none.npz'), 'cpu')
