import errno
import json
import resource

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


@pytest.fixture
def limit_files():
    """Let no file become larger than so many bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('is_late', [False, True])
def test_a_full_disk_costs_the_maps_alone(tiny_config, tmp_path, limit_files, monkeypatch, is_late):
    """Be it full during the test, or when the parts become one file."""
    folder = tmp_path / 'maps'
    tiny_config.default_hooks.report.out_dir = str(tmp_path / 'report')
    tiny_config.custom_hooks.append(dict(type='SaveMapsHook', out_file=str(folder / 'm.npz')))
    runner = Runner.from_cfg(tiny_config)
    (hook,) = (hook for hook in runner.hooks if type(hook).__name__ == 'SaveMapsHook')
    if is_late:
        merge = hook._merge
        monkeypatch.setattr(hook, '_merge', lambda runner: (limit_files(80_000), merge(runner)))
    else:
        limit_files(80_000)
    with pytest.raises(OSError) as caught:
        runner.test()
    assert (caught.value.errno, str(caught.value.filename)) == (errno.EFBIG, str(folder / 'm.npz'))
    assert not list(folder.iterdir())
    assert json.loads((tmp_path / 'report' / 'report.json').read_text())['results']


def test_a_place_that_cannot_be_written_is_refused_before_the_test(tmp_path):
    (tmp_path / 'file').touch()
    hook = HOOKS.build(dict(type='SaveMapsHook', out_file=str(tmp_path / 'file' / 'maps.npz')))
    with pytest.raises(ValueError, match='file: is a file; name a folder'):
        hook._start_part()
