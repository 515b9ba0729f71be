"""Rows of a long list are those that the wrapped data set reads, in a tenth of the memory."""

import os

import numpy as np
import pytest
from mmpretrain.datasets import CustomDataset

from mmtscam.datasets import WSOLDataset
from mmtscam.datasets import listed_rows as module
from mmtscam.datasets.listed_rows import ListedRows

LINES = 'n01/a.JPEG 0\nn02/b_1.JPEG 12\nn03/ä.JPEG 7\nn01/c.JPEG 999\n'


class _Plain(WSOLDataset):
    """Reads dicts, since a subclass may change them."""

    def load_data_list(self):
        rows = super().load_data_list()
        assert isinstance(rows, list)
        return rows


@pytest.fixture
def build(tmp_path):
    def build_(lines, kind=WSOLDataset, **kwargs):
        (tmp_path / 'list.txt').write_bytes(lines.encode())
        dataset = dict(
            type='mmpretrain.CustomDataset', data_root=str(tmp_path), data_prefix='images', ann_file='list.txt'
        )
        return kind(dataset, **kwargs)

    return build_


@pytest.mark.parametrize('lines', [LINES, LINES.rstrip('\n'), LINES.replace('\n', '\r\n')])
@pytest.mark.parametrize('chunk', [1, 20, 1 << 22])
def test_rows_are_those_of_the_wrapped_data_set(build, monkeypatch, lines, chunk):
    monkeypatch.setattr(module, '_CHUNK', chunk)
    rows, plain = build(lines), build(lines, _Plain)
    assert rows._unpack is not None
    assert [*map(rows.get_data_info, range(-4, 4))] == [*map(plain.get_data_info, range(-4, 4))]
    assert rows.get_gt_labels().tolist() == plain.get_gt_labels().tolist() == [0, 12, 7, 999]
    assert rows.get_data_info(2)['image_id'] == 'images/n03/ä.JPEG'
    with pytest.raises(IndexError):
        rows.get_data_info(4)


@pytest.mark.parametrize('indices', [3, -2, [2, 0], range(1, 3)])
def test_subsets(build, indices):
    rows, plain = build(LINES), build(LINES, _Plain)
    for one, other in [
        (build(LINES, indices=indices), build(LINES, _Plain, indices=indices)),
        (rows.get_subset(indices), plain.get_subset(indices)),
    ]:
        assert len(one) == len(other)
        assert [*map(one.get_data_info, range(len(one)))] == [*map(other.get_data_info, range(len(one)))]
        assert one.get_gt_labels().tolist() == other.get_gt_labels().tolist()


@pytest.mark.parametrize(
    'lines',
    [
        'a b.jpg 0\n',
        ' a.jpg 0\n',
        'a.jpg 0 \n',
        'a.jpg\t0\n',
        'a.jpg  0\n',
        '\u3000a.jpg 1\n',
        'a.jpg 1_0\n',
        'a.jpg -1\n',
    ],
)
def test_lines_with_more_white_space_or_other_numbers_are_read_as_before(build, lines):
    lines = LINES + lines
    try:
        expected = [build(lines, _Plain).get_data_info(index) for index in range(5)]
    except ValueError as error:
        with pytest.raises(ValueError, match='cannot be loaded') as raised:
            build(lines)
        assert str(raised.value) == str(error)
    else:
        rows = build(lines)
        assert rows._unpack is None
        assert [rows.get_data_info(index) for index in range(5)] == expected


@pytest.mark.parametrize(('lines', 'message'), [('', 'lists no image'), ('a.jpg\n', 'cannot be loaded')])
def test_lists_that_are_none(build, lines, message):
    with pytest.raises(ValueError, match=message):
        build(lines)


def test_letters_that_are_not_utf8_are_told_before_a_row_is_read(build, tmp_path):
    build(LINES)
    (tmp_path / 'list.txt').write_bytes(LINES.encode('latin-1'))
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), ann_file='list.txt')
    with pytest.raises(ValueError, match="cannot be loaded: 'utf-8' codec can't decode"):
        WSOLDataset(dataset)


class _Shifted(CustomDataset):
    """A data set with a way of its own to a row."""

    def get_data_info(self, idx):
        return {**super().get_data_info(idx), 'gt_label': 5}


def test_a_subclass_with_a_way_of_its_own_to_a_row(build, tmp_path):
    build(LINES)
    dataset = WSOLDataset(dict(type=_Shifted, data_root=str(tmp_path), ann_file='list.txt'))
    assert dataset.get_gt_labels().tolist() == [5, 5, 5, 5]


def test_floating_point_pixels_are_refused(build, tmp_path):
    from PIL import Image

    (tmp_path / 'images').mkdir()
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / 'images' / 'a.TIF')
    with pytest.raises(ValueError, match=r'a\.TIF: cannot be read as an image'):
        build(LINES + 'a.TIF 3\n')


def test_slices():
    text = ''.join(f'{index}.jpg {index % 7}\n' for index in range(100))
    rows = ListedRows(*module._pack(text.encode()), module.UnpackLine('', module.RelativePath('')))
    whole = [*rows]
    for part in (slice(10), slice(-10, None), slice(20, 40), slice(5, 5), slice(None, None, 3), slice(None, None, -1)):
        assert [*rows[part]] == whole[part]


@pytest.mark.parametrize('root', ['', '.', 'data', 'data/', './data', 'data/sub/..', '/data', '/data//', '/'])
@pytest.mark.parametrize(
    'path',
    [
        'data/a/b.jpg',
        './data/a/b.jpg',
        'data//a/b.jpg',
        'data/a//b.jpg',
        'data/./a/b.jpg',
        'data/../a.jpg',
        'data/sub/../a.jpg',
        'data/.hidden/a.jpg',
        'data/a/',
        'data',
        'database/a.jpg',
        'a.jpg',
        '../a.jpg',
        '/data/a/b.jpg',
        '/data//a/b.jpg',
        '/other/b.jpg',
    ],
)
def test_paths_in_the_data_root_are_those_of_the_standard_library(root, path):
    assert module.RelativePath(root)(path) == os.path.relpath(path, root or None)


@pytest.mark.parametrize('root', ['', 'data', 'data/', './data', '/data', '/'])
@pytest.mark.parametrize('folder', ['', '.', 'images', 'data/images', 'data/images/', './data/images', '/data/images'])
@pytest.mark.parametrize(
    'name', ['a.jpg', 'n/a.jpg', './a.jpg', 'n//a.jpg', 'n/../a.jpg', '.n/a.jpg', '/data/n/a.jpg', 'n/']
)
def test_a_row_has_the_paths_of_the_standard_library(root, folder, name):
    row = module.UnpackLine(folder, module.RelativePath(root))(bytes([1, 2, 0, 0]) + f'{name} 7'.encode())
    path = os.path.join(folder, name)
    assert row == dict(img_path=path, gt_label=7, img_id=513, image_id=os.path.relpath(path, root or None))


def test_every_kind_of_tiff_is_found():
    names = ['a.tif', 'b.c/d.TIFF', 'e.tIf', 'f.tif.jpg', 'tif', 'g.tifx', 'h.tiff.tif']
    found = module._tiff_names(''.join(f'{name} 1\n' for name in names).encode())
    assert [*found] == ['a.tif', 'b.c/d.TIFF', 'e.tIf', 'h.tiff.tif']
