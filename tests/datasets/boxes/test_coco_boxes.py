import json

import numpy as np
import pytest

from mmtscam.datasets import COCOBoxes
from mmtscam.registry import BOX_READERS


def test_boxes_of_the_class_without_crowds(coco_root):
    cfg = dict(type='COCOBoxes', data_root=str(coco_root), ann_file='coco.json', img_prefix='images')
    boxes = BOX_READERS.build(cfg)
    assert boxes(f'{coco_root}/images/a/one.jpg', 'dog').tolist() == [[1, 1, 4, 3], [4.5, 0, 5.75, 5]]
    assert boxes(f'{coco_root}/images/a/one.jpg', 'cat').tolist() == [[0, 4, 1, 5]]
    assert boxes(f'{coco_root}/images/two.jpg', 'cat').dtype == np.float64


@pytest.mark.parametrize('class_name', [None, 'bird', 'dog'])
def test_boxes_of_every_class(coco_root, class_name):
    boxes = COCOBoxes(str(coco_root), str(coco_root / 'coco.json'), match_class=False)
    assert boxes(f'{coco_root}/a/one.jpg', class_name).tolist() == [[1, 1, 4, 3], [4.5, 0, 5.75, 5], [0, 4, 1, 5]]


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('two.jpg', ''),
        ('bare.jpg', r' \(crowds do not count\)'),
        ('unlisted.jpg', r' \(it is not listed; these are: .*\)'),
        ('a/one.png', r' \(it is not listed; these are: .*\)'),
    ],
)
def test_an_image_without_box(coco_root, name, reason):
    path = f'{coco_root}/{name}'
    message = f"^{coco_root}/coco.json: no box of class 'dog' for image {path}{reason}$"
    with pytest.raises(ValueError, match=message):
        COCOBoxes(str(coco_root), 'coco.json')(path, 'dog')
    if name != 'two.jpg':
        with pytest.raises(ValueError, match=f'^{coco_root}/coco.json: no box for image {path}{reason}$'):
            COCOBoxes(str(coco_root), 'coco.json', match_class=False)(path)


def test_predicted_boxes_are_predicted_again(coco, tmp_path):
    coco['info'] = dict(description='pseudo boxes: predicted, not annotated')
    (tmp_path / 'coco.json').write_text(json.dumps(coco))
    with pytest.raises(ValueError, match=r'; predict them again for the images of this split \(pseudo_label.py\)$'):
        COCOBoxes(str(tmp_path), 'coco.json')(f'{tmp_path}/other.jpg', 'dog')


@pytest.mark.parametrize('match_class', [True, False])
def test_an_image_that_is_listed_without_annotations_shows_no_object(coco, tmp_path, match_class):
    coco['images'].append(dict(id=99, file_name='empty.jpg', height=5, width=6))
    (tmp_path / 'coco.json').write_text(json.dumps(coco))
    boxes = COCOBoxes(str(tmp_path), 'coco.json', match_class=match_class)
    for class_name in ('dog', 'no category'):
        assert boxes(f'{tmp_path}/empty.jpg', class_name).shape == (0, 4)


@pytest.mark.parametrize('class_name', ['bird', None])
def test_a_class_that_is_no_category(coco_root, class_name):
    with pytest.raises(ValueError, match=r'the categories are dog, cat.* match_class=False'):
        COCOBoxes(str(coco_root), 'coco.json')(f'{coco_root}/two.jpg', class_name)


@pytest.mark.parametrize(
    ('box', 'problem'),
    [
        ([2, 2, 0, 2], 'the box is inverted or empty: width 0, height 2'),
        ([2, 2, 2], "a box needs four numbers x y width height, got '2 2 2'"),
        ('2222', "a box needs four numbers x y width height, got '2222'"),
        (None, "a box needs four numbers x y width height, got 'None'"),
        ([2, 2, float('inf'), 2], 'the box is not finite: 2 2 inf 2'),
    ],
)
def test_bad_box(coco, tmp_path, box, problem):
    coco['annotations'][4]['bbox'] = box
    (tmp_path / 'coco.json').write_text(json.dumps(coco))
    boxes = COCOBoxes(str(tmp_path), 'coco.json')
    with pytest.raises(ValueError) as caught:
        boxes(f'{tmp_path}/two.jpg', 'cat')
    assert str(caught.value) == f'{tmp_path}/coco.json: annotations[4]: {problem}'


def test_a_box_outside_the_size_that_the_file_gives(tmp_path):
    data = dict(
        images=[dict(id=1, file_name='a.jpg', width=30, height=20), dict(id=2, file_name='b.jpg')],
        categories=[dict(id=1, name='cat')],
        annotations=[
            dict(image_id=1, category_id=1, bbox=[10, 20, 5, 5]),
            dict(image_id=2, category_id=1, bbox=[10, 20, 5, 5]),
        ],
    )
    (tmp_path / 'a.json').write_text(json.dumps(data))
    read_boxes = COCOBoxes(str(tmp_path), 'a.json')
    with pytest.raises(ValueError, match=r'annotations\[0\]: the box \[10, 20, 5, 5\] lies outside its image of 30x20'):
        read_boxes(f'{tmp_path}/a.jpg', 'cat')
    assert read_boxes(f'{tmp_path}/b.jpg', 'cat').tolist() == [[10, 20, 15, 25]]  # no size is known


def test_names_with_backslashes(tmp_path):
    data = dict(
        images=[dict(id=1, file_name='cat\\a.jpg')],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(image_id=1, category_id=1, bbox=[1, 2, 3, 4])],
    )
    (tmp_path / 'a.json').write_text(json.dumps(data))
    assert COCOBoxes(str(tmp_path), 'a.json')(f'{tmp_path}/cat/a.jpg', 'cat').tolist() == [[1, 2, 4, 6]]
