import cv2
import numpy as np
import pytest

from mmtscam.datasets import MaskImages
from mmtscam.registry import MASK_READERS


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'segmentations' / '001.Bird').mkdir(parents=True)
    grey = np.array([[0, 1, 127], [128, 200, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / 'segmentations' / '001.Bird' / 'a.png'), grey)
    cv2.imwrite(str(tmp_path / 'segmentations' / 'pet_trimap.png'), np.array([[1, 2], [3, 1]], np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ('more', 'expected'),
    [(dict(), [[0, 1, 1], [1, 1, 1]]), (dict(foreground_from=128), [[0, 0, 0], [1, 1, 1]])],
)
def test_foreground_by_grey_value(root, more, expected):
    masks = MASK_READERS.build(dict(type='MaskImages', data_root=str(root), mask_dir='segmentations', **more))
    path = f'{root}/images/001.Bird/a.jpg'
    masks.check(path)
    assert masks(path, 'any').tolist() == expected
    assert masks(path).dtype == np.uint8


def test_trimap_of_another_folder_and_suffix(root):
    masks = MaskImages('pets', str(root / 'segmentations'), suffix='_trimap.png', convention='trimap', img_prefix='')
    masks.check('pets/pet.jpg')
    assert masks('pets/pet.jpg').tolist() == [[1, 0], [255, 1]]
    assert masks('pets/pet.jpg').dtype == np.uint8


def test_a_trimap_with_other_values(root):
    masks = MaskImages(str(root), 'segmentations', convention='trimap')
    path = f'{root}/segmentations/001.Bird/a.png'
    with pytest.raises(ValueError) as caught:
        masks(f'{root}/images/001.Bird/a.jpg')
    assert str(caught.value) == (f'{path}: a trimap has the values 1, 2 and 3, but here is 0, 127, 128, 200, 255')


def test_no_mask(root):
    masks, path = MaskImages(str(root), 'segmentations'), f'{root}/images/001.Bird/b.jpg'
    mask_path = f'{root}/segmentations/001.Bird/b.png'
    with pytest.raises(ValueError, match=f'^{mask_path}: no mask for image {path}: there is no such file$'):
        masks.check(path)
    with pytest.raises(FileNotFoundError, match=f'^{mask_path}: mask file not found$'):
        masks(path)


def test_bad_arguments(root):
    with pytest.raises(FileNotFoundError, match=f'^{root}/nowhere: annotation folder not found'):
        MaskImages(str(root), 'nowhere')
    with pytest.raises(ValueError, match="convention must be 'foreground' or 'trimap', got 'bimap'"):
        MaskImages(str(root), 'segmentations', convention='bimap')
