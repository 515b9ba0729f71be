import time

import pytest

from mmtscam.utils.timing import in_turn, ratios, seconds, spread


def test_every_second_round_is_in_reverse_order():
    asked = []

    def way(name):
        def measure():
            asked.append(name)
            return float(len(asked))

        return measure

    measured = in_turn([way('a'), way('b'), way('c')], 3)
    assert ''.join(asked) == 'abccbaabc'
    assert measured == [[1, 6, 7], [2, 5, 8], [3, 4, 9]]


def test_seconds():
    assert 0.02 <= seconds(lambda: time.sleep(0.02)) < 10


def test_spread_of_an_even_number():
    assert spread([4.0, 1.0, 2.0, 9.0]) == dict(min=1, median=3, max=9)


def test_ratios_need_as_many_of_each():
    assert ratios([1.0, 6.0], [2.0, 2.0]) == [0.5, 3]
    with pytest.raises(ValueError, match='shorter'):
        ratios([1.0, 2.0], [1.0])
