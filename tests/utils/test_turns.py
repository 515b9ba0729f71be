import copy
import pickle
import threading
import time

import pytest

from mmtscam.utils.turns import Turns


def test_one_thread_at_a_time():
    turns, inside, most = Turns(), [], []

    def work():
        with turns, turns:  # whoever has the turn may enter again
            inside.append(None)
            time.sleep(0.01)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def test_an_error_ends_the_turn():
    turns, entered = Turns(), []
    with pytest.raises(ValueError, match='no'), turns:
        raise ValueError('no')

    def work():
        with turns:
            entered.append(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert entered


@pytest.mark.parametrize('copied', [copy.copy, copy.deepcopy, lambda turns: pickle.loads(pickle.dumps(turns))])
def test_a_copy_has_a_lock_of_its_own(copied):
    turns = Turns()
    with turns:
        other, entered = copied(turns), []

        def work():
            with other:
                entered.append(None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout=10)
    assert entered
