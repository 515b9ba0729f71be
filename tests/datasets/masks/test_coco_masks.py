import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmtscam.datasets import COCOMasks
from mmtscam.datasets.coco import COCOObject
from mmtscam.datasets.masks import coco_masks
from mmtscam.datasets.masks.coco_masks import _decode
from mmtscam.registry import MASK_READERS

# The conftest draws these: a polygon, run lengths across two columns, and a
# crowd in column 1, which the polygon covers in part.
DOGS = [
    [0, 255, 0, 0, 0, 1],
    [0, 1, 1, 1, 0, 1],
    [0, 1, 1, 1, 0, 0],
    [0, 255, 0, 0, 0, 0],
    [0, 255, 0, 0, 1, 0],
]


def _masks(root, coco=None, **more):
    if coco is not None:
        (root / 'coco.json').write_text(json.dumps(coco))
    return COCOMasks(str(root), 'coco.json', **more)


def test_polygons_run_lengths_and_crowds(coco_root):
    cfg = dict(type='COCOMasks', data_root=str(coco_root), ann_file='coco.json', img_prefix='images')
    masks = MASK_READERS.build(cfg)
    path = f'{coco_root}/images/a/one.jpg'
    masks.check(path)
    assert masks(path, 'dog').tolist() == DOGS
    assert masks(path, 'dog').dtype == np.uint8
    assert masks(path, 'cat').tolist() == [[0] * 6] * 4 + [[1] + [0] * 5]


def test_masks_of_every_class(coco_root):
    expected = np.array(DOGS)
    expected[4, 0] = 1
    assert _masks(coco_root, match_class=False)(f'{coco_root}/a/one.jpg').tolist() == expected.tolist()


def test_compressed_run_lengths_and_several_polygons(coco, tmp_path):
    drawn = np.zeros((5, 6), np.uint8)
    drawn[3:, 2:5] = 1
    compressed = coco_mask.encode(np.asfortranarray(drawn))
    coco['annotations'][4]['segmentation'] = dict(size=[5, 6], counts=compressed['counts'].decode())
    squares = [[0, 0, 1, 0, 1, 1, 0, 1], [5, 4, 6, 4, 6, 5, 5, 5]]
    coco['annotations'][3].update(image_id=11, segmentation=squares)
    drawn[0, 0] = drawn[4, 5] = 1
    assert _masks(tmp_path, coco)(f'{tmp_path}/two.jpg', 'cat').tolist() == drawn.tolist()


@pytest.mark.parametrize('name', ['bare.jpg', 'unlisted.jpg'])
def test_an_image_without_mask(coco_root, name):
    path = f'{coco_root}/{name}'
    for call in (_masks(coco_root).check, _masks(coco_root, match_class=False)):
        with pytest.raises(ValueError, match=f'^{coco_root}/coco.json: no mask for image {path} '):
            call(path)


def test_an_image_that_is_listed_without_annotations_shows_no_object(coco, tmp_path):
    coco['images'].append(dict(id=99, file_name='empty.jpg', height=5, width=6))
    masks = _masks(tmp_path, coco)
    masks.check(f'{tmp_path}/empty.jpg')
    assert masks(f'{tmp_path}/empty.jpg', 'no category').tolist() == np.zeros((5, 6)).tolist()


def test_an_image_without_mask_of_its_class(coco_root):
    path = f'{coco_root}/two.jpg'
    with pytest.raises(ValueError, match=f"^{coco_root}/coco.json: no mask of class 'dog' for image {path} "):
        _masks(coco_root)(path, 'dog')


@pytest.mark.parametrize('class_name', ['bird', None])
def test_a_class_that_is_no_category(coco_root, class_name):
    with pytest.raises(ValueError, match=r'the categories are dog, cat.* match_class=False'):
        _masks(coco_root)(f'{coco_root}/two.jpg', class_name)


def test_no_size(coco, tmp_path):
    del coco['images'][1]['width']
    with pytest.raises(ValueError, match='no height and width of image'):
        _masks(tmp_path, coco)(f'{tmp_path}/two.jpg', 'cat')


@pytest.mark.parametrize(
    ('segmentation', 'problem'),
    [
        ([], 'it has no polygon'),
        (None, 'it is neither a list of polygons nor run lengths'),
        (dict(size=[5, 6], counts=''), 'it is neither a list of polygons nor run lengths'),
        ([[1, 1, 3, 3]], 'a polygon needs three or more points x y, got [1, 1, 3, 3]'),
        ([[1, 1, 3, 3, 2, 1, 2]], 'a polygon needs three or more points x y, got [1, 1, 3, 3, 2, 1, 2]'),
        ([1, 1, 3, 3, 2, 1], 'a polygon needs three or more points x y, got 1'),
        ([[1, 1, 3, 3, 2, float('nan')]], 'a polygon is not finite'),
        ([[1, 1, 3, 3, 2, 'x']], 'could not convert string to float'),
        (dict(size=[6, 5], counts=[0, 1, 29]), 'its size is [6, 5], the image has [5, 6]'),
        (dict(size=[5, 6], counts=[0, 1, 28]), 'its runs must cover 30 pixels and none be negative, got 29 pixels'),
        (dict(size=[5, 6], counts=[31, -1]), 'its runs must cover 30 pixels and none be negative, got 30 pixels'),
        (dict(size=[5, 6], counts='garbage'), "its compressed runs have the character 'r', which is none of theirs"),
        (dict(size=[5, 6], counts='01n'), 'its compressed runs are cut off'),
        (dict(size=[5, 6], counts='011'), 'its runs must cover 30 pixels and none be negative, got 2 pixels'),
        (dict(size=[5, 6], counts=[0, 1.0, 29]), 'its runs must be whole numbers'),
        (dict(size=[5, 6], counts=['0', '1']), 'its runs must be whole numbers'),
        (dict(size=[5, 6], counts='n0\0n0'), "its compressed runs have the character '\\x00', which is none of theirs"),
        (dict(size=[5, 6], counts='PPPPPP0n0'), 'a compressed run has more than 6 characters'),
        ([[1, 1, 3, 3, 2, 10**400]], 'int too large to convert to float'),
        ([[1, 1, 3, 3, 2, 111]], 'a polygon leads far out of its image of 6x5'),
    ],
)
def test_bad_segmentation(coco, tmp_path, segmentation, problem):
    coco['annotations'][4]['segmentation'] = segmentation
    with pytest.raises(ValueError) as caught:
        _masks(tmp_path, coco)(f'{tmp_path}/two.jpg', 'cat')
    assert str(caught.value).startswith(
        f'{tmp_path}/coco.json: annotations[4]: its segmentation cannot be drawn: {problem}'
    )


def test_compressed_runs_that_cover_too_little():
    """pycocotools would fill the rest with what it finds in memory."""
    covered = coco_mask.encode(np.asfortranarray(np.eye(2, dtype=np.uint8)))['counts']
    with pytest.raises(ValueError, match='its runs must cover 30 pixels and none be negative, got 4 pixels'):
        _decode(COCOObject('a.json', 'dog', False, dict(size=[5, 6], counts=covered.decode())), 5, 6)


@pytest.mark.parametrize('seed', range(20))
def test_compressed_runs_of_any_mask(seed):
    rng = np.random.default_rng(seed)
    mask = np.repeat(rng.random((37, 9)) < rng.random(), 5, axis=1)
    counts = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))['counts'].decode()
    assert np.array_equal(_decode(COCOObject('a.json', 'dog', False, dict(size=[37, 45], counts=counts)), 37, 45), mask)


def test_an_outline_is_limited(coco, tmp_path, monkeypatch):
    """Two polygons go around 2 x 2 pixels and around all 5 x 6."""
    polygons = [[0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 6, 0, 6, 5, 0, 5]]
    coco['annotations'][4]['segmentation'] = polygons
    monkeypatch.setattr(coco_masks, '_LONGEST_OUTLINE', 30)
    assert _masks(tmp_path, coco)(f'{tmp_path}/two.jpg', 'cat').all()
    monkeypatch.setattr(coco_masks, '_LONGEST_OUTLINE', 29)
    with pytest.raises(ValueError, match=r'its outline is 30 pixels long, and may have 29'):
        _masks(tmp_path, coco)(f'{tmp_path}/two.jpg', 'cat')


def test_runs_of_a_large_image(tmp_path, coco):
    """Six characters hold the longest run."""
    drawn = np.zeros((12_000, 11_000), np.uint8)
    drawn[-1, -1] = 1
    region = coco_mask.encode(np.asfortranarray(drawn))
    found = COCOObject('here', 'cat', False, dict(size=[12_000, 11_000], counts=region['counts'].decode()))
    assert np.argwhere(_decode(found, 12_000, 11_000)).tolist() == [[11_999, 10_999]]
