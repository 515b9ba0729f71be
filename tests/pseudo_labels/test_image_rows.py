import hashlib
import json
import shutil

import pytest

from mmtscam.pseudo_labels import DatasetRows, build_dataset, rows_digest


def test_rows_of_a_split_are_those_of_its_data_set(tiny_config, sample_set):
    rows = DatasetRows(tiny_config, 'train')
    assert len(rows) == 24
    listed = dict(line.split() for line in (sample_set / 'images.txt').read_text().splitlines())
    assert {f'images/{name}' for name in listed.values()} >= {row.name for row in rows}
    assert rows[5].path == str(sample_set / rows[5].name)
    assert [row.label for row in rows] == sorted([*range(8)] * 3)
    assert len(rows.classes) == 8
    assert set(rows).isdisjoint(DatasetRows(tiny_config, 'test'))


def test_training_rows_need_no_boxes(tiny_config, sample_set, tmp_path):
    copied = tmp_path / 'set'
    shutil.copytree(sample_set, copied)
    (copied / 'bounding_boxes.txt').unlink()
    tiny_config.test_dataloader.dataset.dataset.data_root = str(copied)
    assert len(DatasetRows(tiny_config, 'test')) == 16


def test_a_config_without_such_a_loader(tiny_config):
    tiny_config.val_dataloader = None
    with pytest.raises(ValueError, match=r'has no val_dataloader\.dataset; name another split'):
        build_dataset(tiny_config, 'val')


def test_data_sets_of_several_are_refused(tiny_config):
    one = tiny_config.train_dataloader.dataset
    tiny_config.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, one])
    with pytest.raises(ValueError, match=r'train_dataloader\.dataset, a ConcatDataset, cannot be built for its rows'):
        build_dataset(tiny_config, 'train')


def test_an_empty_split(tiny_config, sample_set, tmp_path):
    copied = tmp_path / 'set'
    shutil.copytree(sample_set, copied)
    (copied / 'train_test_split.txt').write_text(
        ''.join(f'{line.split()[0]} 0\n' for line in (copied / 'images.txt').read_text().splitlines())
    )
    tiny_config.train_dataloader.dataset.dataset.data_root = str(copied)
    with pytest.raises(ValueError, match=r'CUB: lists no image, check its annotation file'):
        build_dataset(tiny_config, 'train')


def test_rows_one_by_one_and_all_in_turn(tiny_config, tmp_path):
    """Rows of a long list are lines, those of other data sets dicts; boxes may number the images otherwise."""
    (tmp_path / 'list.txt').write_text(''.join(f'{index % 3}/{index}.jpg {index % 3}\n' for index in range(2500)))
    listed = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), data_prefix='images', ann_file='list.txt')
    tiny_config.val_dataloader = dict(dataset=dict(type='WSOLDataset', dataset=listed))
    boxes = dict(images=[dict(id=7000 - index, file_name=f'{index % 3}/{index}.jpg') for index in range(2500)])
    (tmp_path / 'boxes.json').write_text(json.dumps(dict(boxes, annotations=[], categories=[])))
    for split in ('train', 'test', 'val', 'val with boxes'):
        if split == 'val with boxes':
            own = dict(type='COCOBoxes', ann_file='boxes.json', img_prefix='images')
            tiny_config.val_dataloader.dataset.boxes = own
        rows = DatasetRows(tiny_config, split.partition(' ')[0])
        one_by_one = [rows[index] for index in range(len(rows))]
        assert [*rows] == one_by_one
        assert rows_digest(rows) == rows_digest(one_by_one) == _digest(one_by_one)
    assert one_by_one[4] == (str(tmp_path / 'images/1/4.jpg'), 'images/1/4.jpg', 1, 6996)


def _digest(rows):
    return hashlib.sha256(b''.join(f'{row.name}\0{row.label}\n'.encode() for row in rows)).hexdigest()
