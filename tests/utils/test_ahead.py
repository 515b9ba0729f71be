import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from threading import Event

import pytest

from mmtscam.utils.ahead import ahead


@pytest.mark.parametrize('number', [0, 1, 3, 9])
@pytest.mark.parametrize('items', [0, 1, 4])
def test_all_in_their_order(items, number):
    assert list(ahead(range(items), number)) == list(range(items))


@pytest.mark.parametrize('number', [0, 1, 3])
def test_as_many_as_asked_for_are_taken_and_no_more(number):
    taken = []

    def take():
        for item in count():
            taken.append(item)
            yield item

    for item in islice(ahead(take(), number), 5):
        assert taken == list(range(item + number + 1))


def test_work_is_under_way():
    """The first is not done before the second runs."""
    second = Event()
    with ThreadPoolExecutor(2) as pool:
        work = (lambda: second.wait(10), second.set)
        futures = ahead((pool.submit(each) for each in work), 1)
        assert next(futures).result()


def test_what_was_given_is_let_go():
    class Item:
        pass

    given = ahead((Item() for _ in range(3)), 1)
    item = weakref.ref(next(given))
    gc.collect()
    assert item() is None


def test_an_error_comes_where_it_happens():
    def fail():
        yield 1
        raise ValueError('2')

    given = ahead(fail(), 1)
    with pytest.raises(ValueError, match='2'):
        next(given)
