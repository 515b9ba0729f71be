import cv2
import numpy as np
import pytest

from mmtscam.datasets.masks.base_mask_reader import join_mask, read_grey


def test_foreground_wins_over_ignore():
    mask = join_mask(np.array([[0, 0, 1, 1]], bool), np.array([[0, 1, 0, 1]], bool))
    assert mask.tolist() == [[0, 255, 1, 1]]
    assert mask.dtype == np.uint8


def test_read_grey(tmp_path):
    grey = np.array([[0, 1, 2], [127, 128, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / 'grey.png'), grey)
    cv2.imwrite(str(tmp_path / 'color.png'), np.repeat(grey[..., None], 3, 2))
    for name in ('grey.png', 'color.png'):
        assert read_grey(str(tmp_path / name)).tolist() == grey.tolist()


def test_missing_and_damaged_file(tmp_path):
    path = tmp_path / 'mask.png'
    with pytest.raises(FileNotFoundError, match=f'^{path}: mask file not found$'):
        read_grey(str(path))
    path.write_bytes(b'this is no image')
    with pytest.raises(ValueError, match=f'^{path}: the mask file cannot be read as an image'):
        read_grey(str(path))
