import numpy as np
import pytest

from mmtscam.datasets import BenchmarkBoxes
from mmtscam.registry import BOX_READERS

ROWS = 'val/a.jpg,10,20,30,40.5\nval/b.jpg,0,0,0,0\n\nval/a.jpg,1,2,3,4\n'


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'metadata').mkdir()
    (tmp_path / 'metadata' / 'localization.txt').write_text(ROWS)
    return tmp_path


@pytest.mark.parametrize('absolute', [False, True])
def test_boxes_in_the_order_of_the_rows(root, absolute):
    metadata = str(root / 'metadata') if absolute else 'metadata'
    boxes = BOX_READERS.build(dict(type='BenchmarkBoxes', data_root=str(root), metadata=metadata))
    assert boxes(f'{root}/val/a.jpg').tolist() == [[10, 20, 30, 40.5], [1, 2, 3, 4]]
    assert boxes(f'{root}/val/b.jpg', 'any').tolist() == [[0, 0, 0, 0]]
    assert boxes(f'{root}/val/a.jpg').dtype == np.float64


def test_an_image_without_box(root):
    with pytest.raises(ValueError) as caught:
        BenchmarkBoxes(str(root), 'metadata')(f'{root}/val/c.jpg')
    assert str(caught.value) == f'{root}/metadata/localization.txt: no box for image {root}/val/c.jpg'


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/nowhere/localization.txt: annotation file not found'):
        BenchmarkBoxes(str(tmp_path), 'nowhere')


@pytest.mark.parametrize(
    ('row', 'problem'),
    [
        ('val/b.jpg,0,0,0', "a row must be image_id,x0,y0,x1,y1, got 'val/b.jpg,0,0,0'"),
        ('val/b.jpg,0,0,-1,0', 'the box is inverted: from (0, 0) to (-1, 0)'),
        ('val/b.jpg,0,0,nan,0', 'the box is not finite: 0 0 nan 0'),
        ('image_id,x0,y0,x1,y1', "a box needs four numbers x1 y1 x2 y2, got 'x0 y0 x1 y1'"),
    ],
)
def test_bad_row(root, row, problem):
    path = root / 'metadata' / 'localization.txt'
    path.write_text(ROWS.replace('val/b.jpg,0,0,0,0', row))
    with pytest.raises(ValueError) as caught:
        BenchmarkBoxes(str(root), 'metadata')
    assert str(caught.value) == f'{path}:2: {problem}'
