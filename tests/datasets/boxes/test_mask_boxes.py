import cv2
import numpy as np
import pytest
from PIL import Image

from mmtscam.datasets import MaskBoxes, WSOLDataset
from mmtscam.registry import BOX_READERS


@pytest.fixture
def write(tmp_path):
    """Write an image of 20x10 pixels and its mask."""

    def write(grey, name='a'):
        for folder, pixels in (('images', np.zeros((10, 20, 3), np.uint8)), ('masks', np.array(grey, np.uint8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            suffix = 'jpg' if folder == 'images' else 'png'
            Image.fromarray(pixels).save(tmp_path / folder / f'{name}.{suffix}')
        return str(tmp_path / 'images' / f'{name}.jpg')

    return write


def _reader(tmp_path, min_area=None, **masks):
    masks = {'type': 'MaskImages', 'mask_dir': 'masks', **masks}
    return BOX_READERS.build(dict(type='MaskBoxes', data_root=str(tmp_path), masks=masks, min_area=min_area))


def _two_objects():
    """One of 3x4 pixels and one of 2x2, whose corners touch a third of one pixel."""
    grey = np.zeros((10, 20), np.uint8)
    grey[1:5, 2:5] = 200
    grey[6:8, 10:12] = 200
    grey[8, 12] = 200
    return grey


def test_the_box_around_the_foreground(tmp_path, write):
    path = write(_two_objects())
    boxes = _reader(tmp_path, foreground_from=128)(path)
    assert boxes.tolist() == [[2, 1, 13, 9]]
    assert boxes.dtype == np.float64
    assert _reader(tmp_path, foreground_from=201)(path).shape == (0, 4)  # no object


@pytest.mark.parametrize(('min_area', 'count'), [(0.0, 2), (0.4, 2), (0.5, 1), (1.0, 1)])
def test_a_box_for_each_component(tmp_path, write, min_area, count):
    path = write(_two_objects())
    boxes = _reader(tmp_path, min_area)(path)
    assert boxes.tolist() == [[2, 1, 5, 5], [10, 6, 13, 9]][:count]  # of 12 and 5 pixels


def test_pixels_to_be_ignored_are_no_foreground(tmp_path, write):
    trimap = np.full((10, 20), 2, np.uint8)
    trimap[2:8, 3:9] = 3
    trimap[4:6, 5:7] = 1
    path = write(trimap)
    assert _reader(tmp_path, convention='trimap')(path).tolist() == [[5, 4, 7, 6]]


def test_masks_of_another_resolution(tmp_path, write):
    """OpenImages30k: the files of an image are brought to one size, which is not the image's."""
    path = write(cv2.resize(_two_objects(), (40, 20), interpolation=cv2.INTER_NEAREST))
    assert _reader(tmp_path)(path).tolist() == [[2, 1, 13, 9]]
    (tmp_path / 'localization.txt').write_text('images/a.jpg,masks/a.png,\n')
    boxes = MaskBoxes(str(tmp_path), masks=dict(type='OpenImagesMasks', metadata='.', size=(40, 20)))
    assert boxes(path).tolist() == [[2, 1, 13, 9]]


def test_masks_of_one_class(coco_root):
    (coco_root / 'a').mkdir(exist_ok=True)
    Image.new('RGB', (6, 5)).save(coco_root / 'a' / 'one.jpg')
    boxes = MaskBoxes(str(coco_root), masks=dict(type='COCOMasks', ann_file='coco.json'))
    assert boxes(f'{coco_root}/a/one.jpg', 'dog').tolist() == [[1, 0, 6, 5]]
    assert boxes(f'{coco_root}/a/one.jpg', 'cat').tolist() == [[0, 4, 1, 5]]


def test_mistakes(tmp_path, write):
    path = write(_two_objects())
    with pytest.raises(ValueError, match=r'min_area must be a share in \[0, 1\], got 2'):
        _reader(tmp_path, 2)
    with pytest.raises(FileNotFoundError, match='none: annotation folder not found'):
        _reader(tmp_path, mask_dir='none')
    with pytest.raises(ValueError, match=r'b\.png: no mask for image .*b\.jpg: there is no such file'):
        _reader(tmp_path)(path.replace('a.jpg', 'b.jpg'))
    (tmp_path / 'images' / 'a.jpg').write_text('hello')
    with pytest.raises(ValueError, match=rf'^{path}: cannot be read as an image'):
        _reader(tmp_path)(path)


def test_a_data_set_with_masks_alone_has_the_boxes_of_its_masks(sample_set, tmp_path):
    """Masks that fill the boxes of the sample set."""
    wrapped = dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test')
    boxed = WSOLDataset(wrapped, boxes=dict(type='CUBBoxes'))
    for info in boxed:
        image = Image.open(info['img_path'])
        mask = np.zeros(image.size[::-1], np.uint8)
        x1, y1, x2, y2 = map(int, info['instances'][0]['bbox'])
        mask[y1:y2, x1:x2] = 255
        path = tmp_path / 'masks' / info['image_id'].replace('images/', '').replace('.jpg', '.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    masks = dict(type='MaskImages', mask_dir=str(tmp_path / 'masks'))
    masked = WSOLDataset(wrapped, boxes=dict(type='MaskBoxes', masks=masks), masks=masks)
    assert [info['instances'] for info in masked] == [info['instances'] for info in boxed]


def test_masks_of_turned_photographs(tmp_path, write):
    """A mask may lie as the file does, or upright as most programs show the photograph."""
    grey = _two_objects()
    path = write(grey)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (20, 10)).save(path, exif=exif)
    assert _reader(tmp_path)(path).tolist() == [[2, 1, 13, 9]]
    Image.fromarray(np.ascontiguousarray(grey.T)).save(tmp_path / 'masks' / 'a.png')
    assert _reader(tmp_path)(path).tolist() == [[1, 2, 9, 13]]
