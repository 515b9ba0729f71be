import re

import numpy as np
import pytest

from mmtscam.utils.class_names import class_name, find_class, readable_class_name


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
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            find_class(name, names, 3)
    with pytest.raises(ValueError, match=r"class 'crane': there are several, 0, 2; give an index"):
        find_class('crane', ('Crane', 'x', 'crane'), 3)
    with pytest.raises(ValueError, match='names of the classes are not known; give an index from 0 to 2'):
        find_class('gull', (), 3)
