import json
import zipfile
from functools import partial

import numpy as np
import pytest
from speed_tasks import fail, kill

from mmtscam.datasets import WSOLDataset
from mmtscam.evaluation.stored_maps import MapFile
from mmtscam.speed import WorkerError, scale
from mmtscam.speed.scale import compare_lists, compare_map_files, write_list, write_maps

LIST_COSTS = [
    'reading, CPU seconds',
    'memory kept, MB',
    'most memory meanwhile, MB',
    'memory of all processes, 1 worker, MB',
    'memory of all processes, 2 workers, MB',
    'labels of all images, CPU seconds',
    'going through all rows, CPU seconds',
]


@pytest.fixture
def here(monkeypatch):
    """Measure in this process; returns the ways in the order in which they were measured."""
    ways = []
    monkeypatch.setattr(scale, '_in_new_process', lambda task: ways.append(task.keywords['ours']) or task())
    return ways


def test_a_list_like_that_of_ilsvrc(tmp_path):
    lines = write_list(tmp_path / 'list.txt', 4000).read_text().splitlines()
    assert len({line.partition(' ')[0] for line in lines}) == 4000
    assert [int(line.partition(' ')[2]) for line in lines] == sorted([*range(1000)] * 4)
    assert lines[-1] == 'n08778419/n08778419_3999.JPEG 999'


def test_a_file_of_maps_as_a_run_writes_it(tmp_path):
    maps = MapFile(write_maps(tmp_path / 'maps.npz', 5))
    assert len(maps) == 5
    first, *others = (sample['class_maps'] for sample in maps)
    assert first['coupled'].shape == (len(first['labels']), 14, 14)
    assert all(np.array_equal(other['coupled'], first['coupled']) for other in others)
    with zipfile.ZipFile(tmp_path / 'maps.npz') as file:
        assert file.testzip() is None
        assert len(file.namelist()) == 5 * 7 + 1
        assert json.loads(file.read('maps.json'))['images'] == 5
    assert [path.name for path in tmp_path.iterdir()] == ['maps.npz']


def test_costs_of_lists_in_turn(here, tmp_path):
    costs = list(compare_lists(tmp_path, 3000, 2, (1, 2)))
    assert here == [False, True, True, False]
    assert [cost.name for cost in costs] == LIST_COSTS
    assert all(len(cost.plain) == len(cost.ours) == 2 for cost in costs)
    by_name = {cost.name: cost for cost in costs}
    for name in LIST_COSTS:
        if name.endswith('seconds'):
            assert min(*by_name[name].plain, *by_name[name].ours) > 0


@pytest.mark.slow
def test_a_long_list_takes_less_than_dicts(tmp_path):
    by_name = {cost.name: cost for cost in compare_lists(tmp_path, 300_000, 1, (1,))}
    for name in ('memory kept, MB', 'most memory meanwhile, MB', 'memory of all processes, 1 worker, MB'):
        assert 0 < by_name[name].ours[0] < 0.7 * by_name[name].plain[0]


def test_costs_of_map_files_in_turn(here, tmp_path):
    costs = list(compare_map_files(tmp_path, 20, 1))
    assert here == [False, True]
    assert [cost.name for cost in costs] == LIST_COSTS[:3]
    assert min(*costs[0].plain, *costs[0].ours) > 0


def test_ways_that_read_something_else_are_not_compared(here, tmp_path, monkeypatch):
    monkeypatch.setattr(WSOLDataset, 'get_data_info', lambda self, index: dict(img_path=f'{index}.jpg', gt_label=0))
    with pytest.raises(ValueError, match='the two ways to read a file differ in what they read'):
        next(compare_lists(tmp_path, 50, 1, ()))


def test_without_proc_there_is_one_message(here, tmp_path, monkeypatch):
    monkeypatch.setattr(scale, 'tree_memory', lambda: None)
    with pytest.raises(ValueError, match='memory is read in /proc, which this system lacks'):
        next(compare_map_files(tmp_path, 2, 1))


@pytest.mark.slow
def test_a_process_that_fails_or_dies_is_told():
    with pytest.raises(ValueError, match='as it is'):
        scale._in_new_process(partial(fail, ValueError('as it is')))
    with pytest.raises(WorkerError, match='a process died, most likely because memory ran out'):
        scale._in_new_process(kill)
