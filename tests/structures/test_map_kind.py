import pytest

from mmtscam.structures import RESERVED_NAMES, is_kind_name


@pytest.mark.parametrize('name', ['coupled', 'attention_2', '_a', 'ä', 'a' * 50])
def test_words(name):
    assert is_kind_name(name)


@pytest.mark.parametrize(
    'name', ['', '..', '../x', '/x', 'a/b', 'a\\b', 'a b', 'a\n', '2a', 'a' * 51, None, 3, ['a'], *RESERVED_NAMES]
)
def test_others(name):
    assert not is_kind_name(name)
