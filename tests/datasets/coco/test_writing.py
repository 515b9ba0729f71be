import json

import pytest

from mmtscam.datasets.coco import coco_annotation, coco_categories, write_coco


def test_edges_become_corner_and_size_to_a_hundredth():
    annotation = coco_annotation(7, 3, 4, (1.234, 2.0, 11.111, 5.5), 0.25)
    assert annotation == dict(
        id=7, image_id=3, category_id=5, bbox=[1.23, 2.0, 9.88, 3.5], area=34.58, iscrowd=0, score=0.25
    )
    assert 'score' not in coco_annotation(1, 1, 0, (0, 0, 1, 1), None)


def test_ids_of_categories_begin_with_one_or_as_asked_for():
    assert coco_categories(['a', 'b']) == [dict(id=1, name='a'), dict(id=2, name='b')]
    assert coco_categories(['a', 'b'], 0) == [dict(id=0, name='a'), dict(id=1, name='b')]
    assert coco_annotation(1, 1, 1, (0, 0, 1, 1), None, 0)['category_id'] == 1


def test_a_stream_becomes_one_file(tmp_path):
    path = tmp_path / 'new' / 'coco.json'
    write_coco(path, info=dict(a='ß'), images=(dict(id=number) for number in range(3)), annotations=iter(()))
    assert json.loads(path.read_text()) == dict(
        licenses=[], info=dict(a='ß'), images=[dict(id=0), dict(id=1), dict(id=2)], annotations=[]
    )
    assert list(tmp_path.rglob('*')) == [path.parent, path]


def test_a_stream_that_breaks_off_leaves_what_was_there(tmp_path):
    path = tmp_path / 'coco.json'
    path.write_text('{}')

    def images():
        yield dict(id=1)
        raise ValueError('broken off')

    with pytest.raises(ValueError, match='broken off'):
        write_coco(path, images=images())
    assert path.read_text() == '{}'
    assert list(tmp_path.iterdir()) == [path]
