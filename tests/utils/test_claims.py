import multiprocessing
import time

import pytest

from mmtscam.utils.claims import Claim


def _hold(path, ready):
    claim = Claim(path)
    ready.set()
    time.sleep(60)
    claim.release()


@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_a_second_claim_is_refused_until_the_first_is_released(tmp_path, kind):
    path = tmp_path / kind
    path.mkdir() if kind == 'folder' else path.touch()
    claim = Claim(path)
    with pytest.raises(BlockingIOError, match=f'{path}: another run writes there at this moment: wait for its end'):
        Claim(path)
    claim.release()
    claim.release()
    Claim(path).release()
    assert [each.name for each in tmp_path.iterdir()] == [kind]


def test_a_claim_ends_with_the_process_that_is_killed(tmp_path):
    context = multiprocessing.get_context('fork')
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(60)
    with pytest.raises(BlockingIOError):
        Claim(tmp_path)
    process.kill()
    process.join()
    Claim(tmp_path).release()


def test_forked_processes_do_not_hold_it(tmp_path):
    claim = Claim(tmp_path)
    process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
    process.start()
    try:
        claim.release()
        Claim(tmp_path).release()
    finally:
        process.kill()
        process.join()
