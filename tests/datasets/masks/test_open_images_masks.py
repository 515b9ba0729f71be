import cv2
import numpy as np
import pytest

from mmtscam.datasets import OpenImagesMasks
from mmtscam.registry import MASK_READERS


def _write(root, rows):
    (root / 'metadata').mkdir(exist_ok=True)
    (root / 'metadata' / 'localization.txt').write_text(''.join(f'{row}\n' for row in rows))


def _draw(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.array(pixels, np.uint8))


@pytest.fixture
def root(tmp_path):
    _write(tmp_path, ['val/a.jpg,m/1.png,m/ignore.png', 'val/b.jpg,m/2.png,', 'val/a.jpg,m/2.png,'])
    _draw(tmp_path / 'm' / '1.png', [[1, 0], [0, 0]])
    _draw(tmp_path / 'm' / '2.png', [[0, 0, 0, 0], [0, 0, 0, 255]])
    _draw(tmp_path / 'm' / 'ignore.png', [[255], [0]])
    return tmp_path


def test_union_of_objects_and_what_is_left_to_ignore(root):
    cfg = dict(type='OpenImagesMasks', data_root=str(root), metadata='metadata', size=[4, 2])
    masks = MASK_READERS.build(cfg)
    masks.check(f'{root}/val/a.jpg')
    mask = masks(f'{root}/val/a.jpg', 'any')
    assert mask.tolist() == [[1, 1, 255, 255], [0, 0, 0, 1]]
    assert mask.dtype == np.uint8
    assert masks(f'{root}/val/b.jpg').tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]


def test_masks_elsewhere_in_the_usual_size(root):
    (root / 'm').rename(root / 'moved')
    (root / 'masks').mkdir()
    (root / 'moved').rename(root / 'masks' / 'm')
    for mask_root in ('masks', str(root / 'masks')):
        mask = OpenImagesMasks(str(root), 'metadata', mask_root=mask_root)(f'{root}/val/b.jpg')
        assert mask.shape == (224, 224)
        assert mask.sum() == mask[112:, 168:].sum() == 112 * 56


def _nearest(pixels, width, height):
    """Every pixel takes the value that its upper left corner falls on."""
    rows = np.arange(height) * len(pixels) // height
    columns = np.arange(width) * len(pixels[0]) // width
    return pixels[rows][:, columns] > 0


@pytest.mark.parametrize('size', [(224, 224), (96, 64)])
def test_random_masks_of_different_sizes(tmp_path, size):
    rng = np.random.default_rng(0)
    rows, expected = [], {}
    for image in range(4):
        image_id, objects = f'test/{image}.jpg', []
        for number in range(image + 1):
            objects.append((rng.random(rng.integers(20, 300, 2)) < 0.3) * rng.choice([1, 255]))
            _draw(tmp_path / 'masks' / f'{image}_{number}.png', objects[-1])
            rows.append(f'{image_id},{image}_{number}.png,' + (f'{image}_ignore.png' if number == 0 else ''))
        ignore = (rng.random(rng.integers(20, 300, 2)) < 0.5) * 255
        _draw(tmp_path / 'masks' / f'{image}_ignore.png', ignore)
        mask = np.where(_nearest(ignore, *size), 255, 0)
        for pixels in objects:
            mask[_nearest(pixels, *size)] = 1
        expected[image_id] = mask
    _write(tmp_path, rows)
    masks = OpenImagesMasks(str(tmp_path), 'metadata', 'masks', size)
    for image_id, mask in expected.items():
        assert set(np.unique(mask)) == {0, 1, 255}
        assert np.array_equal(masks(str(tmp_path / image_id)), mask)


def test_an_image_without_mask(root):
    masks, path = OpenImagesMasks(str(root), 'metadata'), f'{root}/val/c.jpg'
    for call in (masks.check, masks):
        with pytest.raises(ValueError, match=f'^{root}/metadata/localization.txt: no mask for image {path}$'):
            call(path)


@pytest.mark.parametrize('name', ['1.png', '2.png', 'ignore.png'])
def test_missing_and_damaged_mask(root, name):
    path = root / 'm' / name
    path.write_bytes(b'')
    masks = OpenImagesMasks(str(root), 'metadata')
    with pytest.raises(ValueError, match=f'^{path}: the mask file cannot be read'):
        masks(f'{root}/val/a.jpg')
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f'^{path}: mask file not found$'):
        masks(f'{root}/val/a.jpg')


@pytest.mark.parametrize(
    ('row', 'problem'),
    [
        ('val/b.jpg,m/2.png', "a row must be image_id,mask_path,ignore_path, got 'val/b.jpg,m/2.png'"),
        ('val/b.jpg,,m/ignore.png', 'no mask_path for image val/b.jpg'),
        ('val/a.jpg,m/2.png,m/ignore.png', 'an ignore_path must stand in the first row of image val/a.jpg'),
    ],
)
def test_bad_row(root, row, problem):
    _write(root, ['val/a.jpg,m/1.png,', row])
    with pytest.raises(ValueError) as caught:
        OpenImagesMasks(str(root), 'metadata')
    assert str(caught.value) == f'{root}/metadata/localization.txt:2: {problem}'


def test_missing_file_and_folder(root):
    with pytest.raises(FileNotFoundError, match=f'^{root}/none/localization.txt: annotation file not found'):
        OpenImagesMasks(str(root), 'none')
    with pytest.raises(FileNotFoundError, match=f'^{root}/none: annotation folder not found'):
        OpenImagesMasks(str(root), 'metadata', mask_root='none')
