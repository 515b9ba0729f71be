import cv2
import numpy as np
import pytest
from PIL import Image

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


def test_16_bits_stay(tmp_path):
    """OpenCV divides by 256 where a file of 16 bits is read as grey: a mask of ones would be empty."""
    mask = np.array([[0, 1, 2], [300, 65535, 0]], np.uint16)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    assert read_grey(str(tmp_path / 'a.png')).tolist() == mask.tolist()


def test_numbers_of_a_palette(tmp_path):
    mask = Image.fromarray(np.array([[1, 2], [3, 1]], np.uint8)).convert('P')
    mask.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    mask.putdata([1, 2, 3, 1])
    mask.save(tmp_path / 'a.png')
    assert read_grey(str(tmp_path / 'a.png'), indices=True).tolist() == [[1, 2], [3, 1]]
    assert read_grey(str(tmp_path / 'a.png')).max() > 3
    (tmp_path / 'b.png').write_text('no image')
    with pytest.raises(ValueError, match=r'b\.png: the mask file cannot be read as an image; replace it'):
        read_grey(str(tmp_path / 'b.png'), indices=True)


@pytest.mark.parametrize('indices', [True, False])
def test_a_mask_that_is_too_large_is_not_decoded(tmp_path, monkeypatch, indices):
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', None)
    monkeypatch.setenv('MMTSCAM_MAX_IMAGE_PIXELS', '50')
    Image.new('P', (10, 10)).save(tmp_path / 'a.png')
    assert read_grey(str(tmp_path / 'a.png'), indices).shape == (10, 10)
    Image.new('P', (10, 11)).save(tmp_path / 'b.png')
    with pytest.raises(ValueError, match=r'b\.png: the mask file cannot be read as an image; .*MAX_IMAGE_PIXELS'):
        read_grey(str(tmp_path / 'b.png'), indices)
