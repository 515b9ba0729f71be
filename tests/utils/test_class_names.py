import re

import numpy as np
import pytest

from mmtscam.utils.class_names import check_same_classes, class_name, find_class, readable_class_name


def test_the_name_of_a_class():
    assert class_name(1, ['a_b', 'c_d']) == 'c_d'
    assert readable_class_name(1, ['a_b', 'c_d']) == 'c d'
    for classes in (None, (), ['a_b', 'c_d']):
        assert class_name(2, classes) == readable_class_name(2, classes) == 'class 2'


def test_a_class_by_name_or_index():
    names = ('Arctic_Tern', 'Great Gull', '7')
    for name, label in (('arctic tern', 0), ('GREAT_GULL', 1), (1, 1), ('0', 0), ('7', 2)):
        assert find_class(name, names, 3) == label
    for name, message in (
        ('gull', "class 'gull': not among the 3 classes of the model; did you mean Great Gull?"),
        (3, 'class 3: the model has the classes 0 to 2'),
        (np.int64(3), 'class 3: the model has the classes 0 to 2'),
        ('-1', "class '-1': not among"),
        (1.0, 'class 1.0: give a name or an index, not a float'),
        (True, 'class True: give a name or an index, not a bool'),
        (None, 'class None: give a name or an index, not a NoneType'),
        (b'7', "class b'7': give a name or an index, not a bytes"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            find_class(name, names, 3)
    with pytest.raises(ValueError, match=r"class 'crane': there are several, 0, 2; give an index"):
        find_class('crane', ('Crane', 'x', 'crane'), 3)
    with pytest.raises(ValueError, match='names of the classes are not known; give an index from 0 to 2'):
        find_class('gull', (), 3)


def test_lists_that_agree_or_are_not_known():
    for classes, others in ((['a', 'b'], ('a', 'b')), ((), ['a']), (None, ['a']), (['a'], None)):
        assert check_same_classes(classes, others, 'x.pth', 'y.py')
    assert not check_same_classes(['a'], ['b'], 'x.pth', 'y.py', exact=False)


@pytest.mark.parametrize(
    ('others', 'exact', 'message'),
    [
        (['a', 'c', 'b'], False, "class 1 is 'b' in x.pth and 'c' in y.py (missing: none; new: none): labels would"),
        (['a', 'b'], True, 'x.pth has 3 classes and y.py has 2 (missing: c; new: none): labels would not mean'),
        (['a', 'b', 'd'], True, "class 2 is 'c' in x.pth and 'd' in y.py (missing: c; new: d): labels would not mean"),
    ],
)
def test_lists_that_do_not_agree(others, exact, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_same_classes(['a', 'b', 'c'], others, 'x.pth', 'y.py', exact)


def test_lists_of_another_length():
    with pytest.raises(ValueError, match=r'^a has 2 classes and b has 3 \(missing: none; new: owl\): labels would not'):
        check_same_classes(('cat', 'dog'), ('cat', 'dog', 'owl'), 'a', 'b')
