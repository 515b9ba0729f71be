import numpy as np
import pytest

from mmtscam.datasets import ILSVRCCSVBoxes
from mmtscam.registry import BOX_READERS

ROWS = 'ImageId,PredictionString\nval_2,n03995372 85 1 499 272 n03995372 0 0.5 9 9 \nval_1,n1 7 7 7 7\n\n'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'LOC_val_solution.csv'
    path.write_text(ROWS)
    return path


def test_all_boxes_of_an_image(path):
    boxes = BOX_READERS.build(dict(type='ILSVRCCSVBoxes', data_root=str(path.parent), ann_file=path.name))
    assert boxes('anywhere/val_2.JPEG').tolist() == [[85, 1, 499, 272], [0, 0.5, 9, 9]]
    assert boxes('val_1.JPEG', 'any').tolist() == [[7, 7, 7, 7]]
    assert boxes('val_1.JPEG').dtype == np.float64


def test_an_image_without_row(path):
    with pytest.raises(ValueError, match=f'^{path}: no box for image val/val_3.JPEG$'):
        ILSVRCCSVBoxes('', str(path))('val/val_3.JPEG')


def test_an_image_that_shows_no_object(path):
    path.write_text(ROWS.replace('n1 7 7 7 7', ' '))
    assert ILSVRCCSVBoxes('', str(path))('val_1.JPEG').shape == (0, 4)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/none.csv: annotation file not found'):
        ILSVRCCSVBoxes(str(tmp_path), 'none.csv')


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ('ImageId,', '', ':1: the header must be ImageId,PredictionString, got PredictionString'),
        (ROWS, '', ':1: the header must be ImageId,PredictionString, got '),
        ('val_1,', 'val_1', ':3: needs 2 columns, got 1'),
        ('val_1,', 'val_1,x,', ':3: needs 2 columns, got 3'),
        ('val_1,', 'val_2,', ':3: a second row for image val_2'),
        ('n1 7 7 7 7', 'n1 7 7 7', ':3: needs groups of class x1 y1 x2 y2, got 4 words'),
        ('n1 7 7 7 7', 'n1 7 7 6 7', ':3: the box is inverted: from (7, 7) to (6, 7)'),
        ('n1 7 7 7 7', 'n1 7 7 7 inf', ':3: the box is not finite: 7 7 7 inf'),
        ('n1 7 7 7 7', '7 7 7 7 n1', ":3: a box needs four numbers x1 y1 x2 y2, got '7 7 7 n1'"),
        ('n1 7 7 7 7', 'x' * 200_000, ':3: not a readable CSV file: field larger than field limit (131072)'),
    ],
)
def test_bad_file(path, old, new, problem):
    assert old in ROWS
    path.write_text(ROWS.replace(old, new))
    with pytest.raises(ValueError) as caught:
        ILSVRCCSVBoxes('', str(path))
    assert str(caught.value) == f'{path}{problem}'
