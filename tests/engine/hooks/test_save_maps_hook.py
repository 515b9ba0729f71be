import pytest
from mmengine.runner import Runner

from mmtscam.evaluation import LocAccuracy
from mmtscam.evaluation.stored_maps import MapFile
from mmtscam.registry import HOOKS


def test_maps_of_a_test(tiny_config, tmp_path):
    tiny_config.custom_hooks.append(dict(type='SaveMapsHook', out_file=str(tmp_path / 'sub' / 'maps.npz')))
    metrics = Runner.from_cfg(tiny_config).test()
    assert [path.name for path in (tmp_path / 'sub').iterdir()] == ['maps.npz']  # the parts are gone
    maps = MapFile(tmp_path / 'sub' / 'maps.npz')
    assert maps.classes == tuple(tiny_config.classes)
    assert maps.origin['dataset'] == 'WSOLDataset'
    samples = list(maps)
    assert len(samples) == len(maps) == 16
    assert samples[0]['class_maps']['coupled'].shape == (5, 10, 10)
    metric = LocAccuracy()
    metric.process({}, samples)
    again = metric.evaluate(16)
    assert again == {name: value for name, value in metrics.items() if name in again}
    assert len(again) == 11


def test_name_of_the_file():
    with pytest.raises(ValueError, match=r'maps\.pkl: the name of a file of maps must end in \.npz'):
        HOOKS.build(dict(type='SaveMapsHook', out_file='maps.pkl'))


def test_an_interrupted_test_leaves_no_parts(tmp_path):
    """The hook's end, or that of the process, removes them; here the first."""
    hook = HOOKS.build(dict(type='SaveMapsHook', out_file=str(tmp_path / 'maps.npz')))
    hook._start_part()
    assert [path.name for path in tmp_path.iterdir()] == ['.maps.npz.rank0']
    other = HOOKS.build(dict(type='SaveMapsHook', out_file=str(tmp_path / 'maps.npz')))
    with pytest.raises(BlockingIOError, match=r'\.maps\.npz\.rank0: another run writes there'):
        other._start_part()
    del hook
    assert not list(tmp_path.iterdir())
