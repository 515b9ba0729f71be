import re

import numpy as np
import pytest

from mmtscam.datasets import CUBBoxes
from mmtscam.registry import BOX_READERS

IMAGES = '1 001.Bird/a.jpg\n2 001.Bird/b.jpg\n3 002.Other/c d.jpg\n'
BOXES = '1 60.0 27.0 325.0 304.0\n2 0 0 1 1\n3 10.5 20.25 0.5 100\n'


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'images.txt').write_text(IMAGES)
    (tmp_path / 'bounding_boxes.txt').write_text(BOXES)
    return tmp_path


def _error(root, kind=ValueError, **kwargs):
    with pytest.raises(kind) as caught:
        CUBBoxes(str(root), **kwargs)
    return str(caught.value)


def test_boxes_as_corners_in_image_coordinates(root):
    boxes = CUBBoxes(str(root))
    images = root / 'images'
    first = boxes(str(images / '001.Bird' / 'a.jpg'))
    assert first.shape == (1, 4)
    assert first.dtype == np.float64
    assert first.tolist() == [[60, 27, 385, 331]]
    assert boxes(str(images / '001.Bird' / 'b.jpg')).tolist() == [[0, 0, 1, 1]]
    assert boxes(str(images / '002.Other' / 'c d.jpg')).tolist() == [[10.5, 20.25, 11, 120.25]]


def test_rows_may_stand_in_another_order_with_blank_lines(root):
    rows = BOXES.splitlines()
    (root / 'bounding_boxes.txt').write_text('\n' + '\n\n'.join(rows[::-1]) + '\n  \n')
    assert CUBBoxes(str(root))(str(root / 'images/001.Bird/a.jpg')).tolist() == [[60, 27, 385, 331]]


def test_built_by_the_registry(root):
    boxes = BOX_READERS.build(dict(type='CUBBoxes', data_root=str(root)))
    assert boxes(f'{root}/images/001.Bird/b.jpg').tolist() == [[0, 0, 1, 1]]


def test_other_names_of_file_and_folder(root):
    (root / 'bounding_boxes.txt').rename(root / 'mine.txt')
    boxes = CUBBoxes(str(root), ann_file='mine.txt', img_prefix='pictures')
    assert boxes(str(root / 'pictures/001.Bird/a.jpg')).tolist() == [[60, 27, 385, 331]]


def test_paths_are_compared_normalised(root):
    boxes = CUBBoxes(f'{root}/')
    assert boxes(f'{root}/images/002.Other/../001.Bird/a.jpg').tolist() == [[60, 27, 385, 331]]


def test_relative_root(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert CUBBoxes(root.name)(f'{root.name}/images/001.Bird/b.jpg').tolist() == [[0, 0, 1, 1]]


def test_an_image_that_is_not_listed(root):
    boxes = CUBBoxes(str(root))
    path = str(root / 'images' / '001.Bird' / 'z.jpg')
    with pytest.raises(ValueError, match=re.escape(path)) as caught:
        boxes(path)
    assert str(root / 'bounding_boxes.txt') in str(caught.value)


@pytest.mark.parametrize('name', ['images.txt', 'bounding_boxes.txt'])
def test_missing_file(root, name):
    (root / name).unlink()
    message = _error(root, FileNotFoundError)
    assert message.startswith(f'{root / name}: annotation file not found')


def test_image_without_row(root):
    (root / 'bounding_boxes.txt').write_text(BOXES.replace('2 0 0 1 1\n', ''))
    assert _error(root) == f'{root / "bounding_boxes.txt"}: no box for image 2 (001.Bird/b.jpg)'


def test_row_without_image(root):
    (root / 'bounding_boxes.txt').write_text(BOXES + '4 1 2 3 4\n')
    assert _error(root).startswith(f'{root / "bounding_boxes.txt"}:4: a box for image 4')
    assert str(root / 'images.txt') in _error(root)


@pytest.mark.parametrize(
    ('row', 'problem'),
    [
        ('2 nan 0 1 1', 'not finite: nan 0 1 1'),
        ('2 0 0 inf 1', 'not finite: 0 0 inf 1'),
        ('2 0 -inf 1 1', 'not finite: 0 -inf 1 1'),
        ('2 0 0 -5 1', 'inverted or empty: width -5, height 1'),
        ('2 0 0 5 -0.5', 'inverted or empty: width 5, height -0.5'),
        ('2 0 0 0 1', 'inverted or empty: width 0, height 1'),
        ('2 0 0 1 0.0', 'inverted or empty: width 1, height 0'),
        ('2 0 0 1', "needs 5 columns, got '2 0 0 1'"),
        ('2 0 0 1 1 1', "needs 5 columns, got '2 0 0 1 1 1'"),
        ('2', "needs 5 columns, got '2'"),
        ('2 0 0 one 1', "four numbers x y width height, got '0 0 one 1'"),
        ('2,0,0,1,1', "needs 5 columns, got '2,0,0,1,1'"),
        ('1 0 0 1 1', 'a second row for image 1'),
    ],
)
def test_bad_box_row(root, row, problem):
    (root / 'bounding_boxes.txt').write_text(BOXES.replace('2 0 0 1 1', row))
    message = _error(root)
    assert message.startswith(f'{root / "bounding_boxes.txt"}:2: ')
    assert problem in message


@pytest.mark.parametrize(
    ('row', 'problem'), [('2', "needs 2 columns, got '2'"), ('1 001.Bird/b.jpg', 'a second row for image 1')]
)
def test_bad_image_row(root, row, problem):
    (root / 'images.txt').write_text(IMAGES.replace('2 001.Bird/b.jpg', row))
    assert _error(root) == f'{root / "images.txt"}:2: {problem}'


def test_blank_lines_count_in_the_line_number(root):
    (root / 'bounding_boxes.txt').write_text('\n\n' + BOXES.replace('2 0 0 1 1', '2 0 0 0 0'))
    assert _error(root).startswith(f'{root / "bounding_boxes.txt"}:4: ')


def test_the_real_boxes(assets):
    root = assets / 'data' / 'CUB_200_2011'
    boxes = CUBBoxes(str(root))
    rows = [row.split() for row in (root / 'images.txt').read_text().splitlines()]
    annotated = np.loadtxt(root / 'bounding_boxes.txt')
    assert len(rows) == len(annotated) == 543
    for (_, path), (_, x, y, width, height) in zip(rows, annotated.tolist(), strict=True):
        assert boxes(str(root / 'images' / path)).tolist() == [[x, y, x + width, y + height]]


@pytest.mark.parametrize('name', ['images.txt', 'bounding_boxes.txt'])
def test_a_file_that_is_no_text(root, name):
    (root / name).write_bytes(b'1 \xff.jpg\n')
    assert _error(root).startswith(f'{root}/{name}: not a text file in UTF-8: ')
