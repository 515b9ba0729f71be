"""Packed rows are the rows of the data set, and the workers of a loader share them."""

import copy
import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from mmtscam.datasets import WSOLDataset, packed_rows

LINES = 'n01/a.JPEG 0\nn02/b_1.JPEG 12\nn03/ä.JPEG 7\nn01/c.JPEG 999\n'


class _Dicts(WSOLDataset):
    """Has rows that are no lines, since a subclass may change them."""

    def load_data_list(self):
        return [dict(info, more=[info['gt_label']]) for info in super().load_data_list()]


class _Renamed(WSOLDataset):
    """Changes the rows that it gives."""

    def get_data_info(self, idx):
        return {**super().get_data_info(idx), 'image_id': f'row {idx}'}


@pytest.fixture(params=[WSOLDataset, _Dicts, _Renamed])
def dataset(request, tmp_path):
    (tmp_path / 'list.txt').write_text(LINES, encoding='utf-8')
    return request.param(dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='list.txt'))


def _rows(dataset):
    return [dataset.get_data_info(index) for index in range(len(dataset))]


@pytest.mark.parametrize('at_once', [1, 2, 3, 1000])
def test_all_rows_are_those_that_are_asked_for_one_by_one(dataset, monkeypatch, at_once):
    monkeypatch.setattr(packed_rows, '_AT_ONCE', at_once)
    for each in (dataset, dataset.get_subset([3, 1]), dataset.get_subset(-2)):
        assert [*each.data_infos()] == _rows(each)
        assert [row['img_path'] for row in _rows(each)]


def test_rows_are_read_before_all_are_gone_through(tmp_path):
    (tmp_path / 'list.txt').write_text(LINES, encoding='utf-8')
    wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='list.txt')
    lazy = WSOLDataset(wrapped, lazy_init=True)
    with pytest.raises(AttributeError, match='the data set has no data_bytes yet'):
        lazy.data_bytes  # noqa: B018
    assert [*lazy.data_infos()] == _rows(WSOLDataset(wrapped))


@pytest.mark.parametrize('copied', [copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))])
def test_copies_have_rows_of_their_own(dataset, copied):
    expected = _rows(dataset)
    again = copied(dataset)
    assert _rows(again) == expected
    assert again.get_gt_labels().tolist() == [0, 12, 7, 999]
    again.data_bytes[:] = 0
    assert _rows(dataset) == expected


def test_labels_of_subsets_in_place(dataset):
    dataset.get_subset_([2, 0])
    assert dataset.get_gt_labels().tolist() == [7, 0] == [row['gt_label'] for row in _rows(dataset)]
    dataset.get_subset_(1)
    assert dataset.get_gt_labels().tolist() == [7]


def test_spawned_workers_share_the_memory_of_the_rows(dataset):
    """A loader sends its data set to spawned workers with this pickler."""
    expected = _rows(dataset)
    first, second = (pickle.loads(ForkingPickler.dumps(dataset)) for _ in range(2))
    for each in (dataset, first, second):
        assert _rows(each) == expected
        assert each.get_gt_labels().tolist() == [0, 12, 7, 999]
    for name in ('data_bytes', 'data_address'):
        arrays = [getattr(each, name) for each in (dataset, first, second)]
        # All see a change by one: nobody has a copy.
        for place, array in enumerate(arrays):
            array[-1] = 100 + place
            assert [int(other[-1]) for other in arrays] == [100 + place] * 3


def test_a_list_stays_as_large_as_its_file(dataset):
    size = len(dataset.data_bytes) + 8 * len(dataset.data_address)
    if type(dataset) is not _Dicts:
        assert size == len(LINES.encode()) + (4 - 1 + 8) * 4
    assert isinstance(dataset.data_bytes, np.ndarray)


@pytest.mark.parametrize('label', [2**31, 10**30, -(2**40)])
def test_a_label_that_is_no_index(tmp_path, label):
    (tmp_path / 'list.txt').write_text(f'a.jpg 0\nb.jpg {label}\n')
    dataset = WSOLDataset(
        dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='list.txt'), lazy_init=True
    )
    with pytest.raises(ValueError, match=rf'b\.jpg: label {label} is no index of a class'):
        dataset.full_init()
