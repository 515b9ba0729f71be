import os
import pickle
import shutil
from multiprocessing.reduction import ForkingPickler

import pytest

from mmtscam.pseudo_labels import FolderRows, ImageRow, folder_rows

CLASSES = ('Red_Bird', 'Blue_Bird')


@pytest.fixture
def folder(sample_set, tmp_path):
    image = next((sample_set / 'images').rglob('*.jpg'))
    for place in ('Blue_Bird/b.jpg', 'Blue_Bird/more/c.jpg', 'red bird/a.png'):
        (tmp_path / 'images' / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, tmp_path / 'images' / place)
    return tmp_path / 'images'


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


def test_an_image_in_no_folder(folder):
    shutil.copy(folder / 'red bird' / 'a.png', folder / 'z.png')
    with pytest.raises(ValueError, match=r'z\.png: lies in no folder that is named as its class; put .*images/CLASS'):
        folder_rows(folder, CLASSES, 2)


@pytest.mark.parametrize('start', ['', './', '../images', 'absolute', 'absolute/', 'absolute/../images'])
def test_paths_begin_with_the_folder_that_is_named(folder, monkeypatch, start):
    monkeypatch.chdir(folder)
    named = start.replace('absolute', str(folder)) or '.'
    rows = folder_rows(named, None, 2)
    assert [row.name for row in rows] == ['Blue_Bird/b.jpg', 'Blue_Bird/more/c.jpg', 'red bird/a.png']
    for number, row in enumerate(rows):
        assert row == rows[number] == rows[number - 3]
        assert row.path == os.path.normpath(os.path.join(named, row.name)) or '..' in row.path
        assert os.path.isfile(row.path)
        assert row.number == number
    with pytest.raises(IndexError):
        rows[3]


def test_names_may_be_any_bytes(tmp_path):
    names = [b'\xff\xfe.jpg', 'ä b.jpg'.encode(), 'あ.jpg'.encode()]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    rows = folder_rows(str(tmp_path), None, 0)
    assert sorted(os.fsencode(row.name) for row in rows) == sorted(names)
    assert all(os.path.isfile(row.path) for row in rows)


def test_long_lists():
    rows = FolderRows('', ((f'{number}/{number}.jpg', number % 7 if number % 3 else None) for number in range(2500)))
    assert [*rows] == [rows[number] for number in range(2500)]
    assert rows[-1] == ImageRow('2499/2499.jpg', '2499/2499.jpg', None, 2499)
    assert rows[1000].label == 1000 % 7


def test_workers_share_the_names():
    """However they are started: a loader sends its data set to spawned ones with this pickler."""
    rows = FolderRows('folder/', [('a/1.jpg', 3), ('b/2.jpg', None)])
    again = pickle.loads(ForkingPickler.dumps(rows))
    assert (
        [*again]
        == [*rows]
        == [ImageRow('folder/a/1.jpg', 'a/1.jpg', 3, 0), ImageRow('folder/b/2.jpg', 'b/2.jpg', None, 1)]
    )
    again._labels[0] = 4
    assert rows[0].label == 4
