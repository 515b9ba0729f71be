"""Labels of a data set are those of its rows, also where it joins or repeats others."""

import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from mmtscam.datasets import WSOLDataset
from mmtscam.datasets.labels import labels_of


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / 'list.txt').write_text(''.join(f'{index}.jpg {index * 7 % 5}\n' for index in range(10)))
    return WSOLDataset(dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='list.txt'))


class _Odd(ConcatDataset):
    """A wrapper with rows of its own."""

    def get_data_info(self, idx):
        return dict(super().get_data_info(idx), gt_label=idx)


WRAPPERS = {
    'none': lambda dataset: dataset,
    'joined': lambda dataset: ConcatDataset([dataset, dataset.get_subset(3)]),
    'repeated': lambda dataset: RepeatDataset(dataset, 3),
    'both': lambda dataset: RepeatDataset(dataset.get_subset([4, 2, 2]), 2),
    'another kind': lambda dataset: ClassBalancedDataset(dataset, 0.9),
    'rows of its own': lambda dataset: _Odd([dataset, dataset]),
}


@pytest.mark.parametrize('wrap', WRAPPERS.values(), ids=WRAPPERS)
def test_labels_are_those_of_the_rows(dataset, wrap):
    wrapped = wrap(dataset)
    expected = [wrapped.get_data_info(index)['gt_label'] for index in range(len(wrapped))]
    labels = labels_of(wrapped)
    assert labels.dtype == np.int64
    assert labels.tolist() == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    'wrap', [lambda dataset: ConcatDataset([dataset, dataset]), lambda dataset: RepeatDataset(dataset, 2)]
)
def test_no_row_is_read_for_labels_that_are_known(dataset, monkeypatch, wrap):
    wrapped = wrap(dataset)
    monkeypatch.setattr(WSOLDataset, 'get_data_info', lambda self, index: pytest.fail(f'row {index} is read'))
    assert len(labels_of(wrapped)) == 20


class _Rows:
    """Rows with these labels; ``None`` where there is none."""

    def __init__(self, *labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def get_data_info(self, index):
        return {} if self.labels[index] is None else dict(gt_label=self.labels[index])


@pytest.mark.parametrize('labels', [(1, None), ([1, 2], [3]), ([1], [2]), (0.5, 1.0), ('a', 'b')])
def test_without_one_label_an_image_there_are_none(labels):
    assert labels_of(_Rows(*labels)) is None
    assert labels_of(_Rows(3, 4)).tolist() == [3, 4]


def test_one_data_set_without_labels_leaves_all_without(dataset, tmp_path):
    (tmp_path / 'names.txt').write_text('a.jpg\n')
    bare = WSOLDataset(
        dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='names.txt', with_label=False)
    )
    assert labels_of(bare) is None
    assert labels_of(ConcatDataset([dataset, bare])) is None
    assert labels_of(RepeatDataset(bare, 2)) is None
