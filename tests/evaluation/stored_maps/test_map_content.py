import numpy as np
import pytest

from mmtscam.evaluation.stored_maps.map_content import class_maps_of, facts_of, parse_kinds
from mmtscam.structures import MapKind

KINDS = (MapKind('coupled', 'coupled map'), MapKind('attention', 'attention', class_agnostic=True))
INFO = dict(
    img_path='a.jpg',
    image_id='a.jpg',
    gt_label=1,
    gt_rank=0,
    pred_label=None,
    ori_shape=[20, 30],
    gt_boxes=[[1, 2, 3, 4]],
)
DRAWN = dict(map_kind='coupled', threshold=0.1, threshold_rule='of maximum', protocol='tscam')


def _arrays(**changes):
    arrays = dict(
        labels=np.array([1, 4]),
        scores=np.zeros(2, np.float32),
        coupled=np.zeros((2, 3, 5), np.float32),
        attention=np.ones((3, 5), np.float32),
    )
    return {name: value for name, value in {**arrays, **changes}.items() if value is not None}


def test_kinds():
    assert parse_kinds([kind._asdict() for kind in KINDS]) == KINDS


@pytest.mark.parametrize(
    'name',
    ['../x', '/x', 'a/b', '..', '.', '', 'a b', 'a\n', 'labels', 'views', 'mask', 'scores', None, 3, 'x' * 200, '1'],
)
def test_a_kind_is_a_word_for_it_names_a_folder(name):
    with pytest.raises(ValueError, match='cannot be the name of a kind of map'):
        parse_kinds([dict(name=name, title='a')])


@pytest.mark.parametrize(
    'kinds', [[dict(name='a', title=3)], [dict(name='a', title='a', class_agnostic=1)], [dict(name='a', title='a')] * 2]
)
def test_other_kinds_that_are_none(kinds):
    with pytest.raises(ValueError, match="the kind of map 'a' is not as it must be"):
        parse_kinds(kinds)


def test_facts():
    sample = facts_of(7, INFO)
    assert sample['gt_instances'].pop('bboxes').tolist() == [[1, 2, 3, 4]]
    assert sample == dict(
        number=7,
        img_id=7,
        ori_shape=(20, 30),
        img_path='a.jpg',
        image_id='a.jpg',
        gt_label=1,
        gt_rank=0,
        gt_instances={},
    )
    assert facts_of(0, {**INFO, 'gt_boxes': []})['gt_instances']['bboxes'].shape == (0, 4)
    assert 'gt_instances' not in facts_of(0, {**INFO, 'gt_boxes': None})


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(ori_shape=[20]), 'ori_shape must be the height and width'),
        (dict(ori_shape=[20, 0]), 'ori_shape must be the height and width'),
        (dict(ori_shape=[20, 10**30]), 'ori_shape must be the height and width'),
        (dict(ori_shape=[20, True]), 'ori_shape must be the height and width'),
        (dict(ori_shape='20'), 'ori_shape must be the height and width'),
        (dict(gt_label=-1), 'gt_label cannot be -1'),
        (dict(gt_label='1'), "gt_label cannot be '1'"),
        (dict(gt_rank=[1]), r'gt_rank cannot be \[1\]'),
        (dict(img_path=['a']), 'img_path cannot be'),
        (dict(gt_boxes=[[1, 2, 3]]), 'a true box must be x1, y1, x2, y2'),
        (dict(gt_boxes=[[1, 2, 3, '4']]), 'a true box must be x1, y1, x2, y2'),
    ],
)
def test_facts_that_are_none(changes, said):
    with pytest.raises(ValueError, match=said):
        facts_of(0, {**INFO, **changes})


def test_maps():
    found = class_maps_of(DRAWN, _arrays(), KINDS)
    assert found['maps'] is found['coupled']
    assert found['attention'].shape == (2, 3, 5) and found['attention'].strides[0] == 0
    assert (found['threshold'], found['map_kinds']) == (0.1, KINDS)
    assert 'maps' not in class_maps_of({}, _arrays(), KINDS)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(labels=None), 'it has no labels'),
        (dict(labels=np.array([[1, 4]])), 'its labels are not a list of whole numbers'),
        (dict(labels=np.array([1.0, 4.0])), 'its labels are not a list of whole numbers'),
        (dict(labels=np.array([1])), r"the kind 'coupled' have the shape \(2, 3, 5\)|scores of 1 classes"),
        (dict(coupled=None), "it has no maps of the kind 'coupled'"),
        (dict(coupled=np.zeros((2, 15))), r'have the shape \(2, 15\)'),
        (dict(coupled=np.zeros((2, 0, 5))), r'have the shape \(2, 0, 5\)'),
        (dict(attention=np.zeros(())), r'have the shape \(\)'),
        (dict(scores=np.zeros(3)), r'it has \(3,\) scores of 2 classes'),
    ],
)
def test_arrays_that_do_not_fit(changes, said):
    with pytest.raises(ValueError, match=said):
        class_maps_of(DRAWN, _arrays(**changes), KINDS)


@pytest.mark.parametrize(
    'drawn',
    [
        None,
        [],
        dict(DRAWN, threshold='0.1'),
        dict(DRAWN, map_kind=['a']),
        dict(DRAWN, labels=[1]),
        dict(DRAWN, coupled=None),
        dict(map_kind='x'),
    ],
)
def test_drawing_that_is_not_said(drawn):
    with pytest.raises(ValueError, match=r'how boxes were drawn|of drawing cannot be|with which boxes were drawn'):
        class_maps_of(drawn, _arrays(), KINDS)
