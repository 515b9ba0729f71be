import shutil

import pytest

from mmtscam.pseudo_labels import DatasetRows, build_dataset, folder_rows

CLASSES = ('Red_Bird', 'Blue_Bird')


@pytest.fixture
def folder(sample_set, tmp_path):
    image = next((sample_set / 'images').rglob('*.jpg'))
    for place in ('Blue_Bird/b.jpg', 'Blue_Bird/more/c.jpg', 'red bird/a.png'):
        (tmp_path / 'images' / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, tmp_path / 'images' / place)
    return tmp_path / 'images'


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


def test_folders_are_named_as_their_classes(folder):
    rows = folder_rows(folder, CLASSES, 2)
    assert [(row.name, row.label) for row in rows] == [
        ('Blue_Bird/b.jpg', 1),
        ('Blue_Bird/more/c.jpg', 1),
        ('red bird/a.png', 0),
    ]
    assert rows[0].path == str(folder / 'Blue_Bird' / 'b.jpg')


def test_folders_may_have_any_name_where_classes_are_predicted(folder):
    (folder / 'red bird').rename(folder / 'red-bird')
    assert [row.label for row in folder_rows(folder, None, 2)] == [None] * 3
    with pytest.raises(ValueError, match=r"red-bird: class 'red-bird': not among .* or use labels='predicted'"):
        folder_rows(folder, CLASSES, 2)


def test_folders_may_be_numbered_as_those_of_cub(folder):
    (folder / 'red bird').rename(folder / '001.Red_Bird')
    assert [row.label for row in folder_rows(folder, CLASSES, 2)] == [0, 1, 1]


def test_numbers_as_names_of_folders_are_no_indices(folder):
    (folder / 'red bird').rename(folder / '001')
    with pytest.raises(ValueError, match=r"001: class '001': not among the 2 classes"):
        folder_rows(folder, CLASSES, 2)
    with pytest.raises(ValueError, match=r'the names of the classes, which its folders should have, are not known'):
        folder_rows(folder, (), 2)


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


def test_an_image_in_no_folder(folder):
    shutil.copy(folder / 'red bird' / 'a.png', folder / 'z.png')
    with pytest.raises(ValueError, match=r'z\.png: lies in no folder that is named as its class; put .*images/CLASS'):
        folder_rows(folder, CLASSES, 2)
