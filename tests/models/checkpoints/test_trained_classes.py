import pytest

from mmtscam.models.checkpoints import classes_of


def test_names_of_classes():
    for names in (['a', 'b'], ('a', 'b')):
        assert classes_of(dict(meta=dict(dataset_meta=dict(classes=names)))) == ('a', 'b')


@pytest.mark.parametrize('names', [None, 'ab', 3, [1, 2], ['a', None], [['a']], {'a': 1}])
def test_others_are_none(names):
    assert classes_of(dict(meta=dict(dataset_meta=dict(classes=names)))) == ()
    assert classes_of(dict(meta=names)) == classes_of(names) == ()
