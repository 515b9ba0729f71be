import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.utils.data import DataLoader

from mmtscam.utils.worker_processes import TaskError, WorkerProcesses


@pytest.fixture
def workers():
    processes = WorkerProcesses(2)
    yield processes
    processes.close()


def _after(seconds, value):
    time.sleep(seconds)
    return value


def _process_after(seconds):
    time.sleep(seconds)
    return os.getpid()


def _raise(error):
    raise error


class OddError(Exception):
    """One that cannot be brought from one process to another."""

    def __init__(self, one, two):
        super().__init__(one)


def _raise_odd():
    raise OddError('one', 'two')


@pytest.mark.parametrize('step', [1, 3, 100])
@pytest.mark.parametrize('count', [0, 1, 2, 7])
def test_results_are_in_the_order_of_the_tasks(workers, count, step):
    tasks = [partial(_after, 0.02 * (place % 3), place) for place in range(count)]
    assert workers.run(iter(tasks), step) == list(range(count))


def test_both_work_and_neither_is_this_one(workers):
    found = set(workers.run([partial(_process_after, 0.2)] * 4))
    assert len(found) == 2 and os.getpid() not in found
    assert set(workers.run([os.getpid] * 40)) <= found  # still the same ones


def test_large_arguments_and_results(workers):
    arrays = [np.full((1 << 20,), place) for place in range(8)]
    for array, found in zip(arrays, workers.run([partial(np.negative, each) for each in arrays]), strict=True):
        assert np.array_equal(found, -array)


@pytest.mark.parametrize('step', [1, 4])
def test_the_first_error_wins(workers, step):
    late = partial(_raise, ValueError('a later one'))
    tasks = [partial(_after, 0, 0), partial(_after, 0.1, 0), partial(_raise, ValueError('the first one')), late, late]
    with pytest.raises(TaskError, match='the first one') as caught:
        workers.run(tasks, step)
    assert (caught.value.place, type(caught.value.error)) == (2, ValueError)
    assert '_raise' in str(caught.value.__cause__)
    assert workers.run([partial(_after, 0, 1)] * 3) == [1] * 3


def test_an_error_that_cannot_be_sent(workers):
    with pytest.raises(TaskError, match='OddError: one'):
        workers.run([_raise_odd])


@pytest.mark.parametrize('step', [1, 4])
def test_an_error_of_taking_a_task(workers, step):
    def tasks(bad):
        yield partial(_after, 0, 1)
        yield partial(_raise, ValueError('the first one')) if bad else partial(_after, 0, 2)
        raise KeyError('no further task')

    with pytest.raises(KeyError, match='no further task'):
        workers.run(tasks(False), step)
    with pytest.raises(TaskError, match='the first one'):
        workers.run(tasks(True), step)


def test_a_process_that_is_killed(workers):
    with pytest.raises(
        ChildProcessError, match=r'one of the 2 processes that share the work has ended, .* \(num_workers\)'
    ):
        workers.run([partial(_after, 0.01, 1)] * 3 + [partial(os._exit, 1)] + [partial(_after, 0.01, 1)] * 3)
    assert workers.run([partial(_after, 0, 1)] * 3) == [1] * 3  # others have started


def test_an_interrupted_run_leaves_nothing_behind(workers):
    def tasks():
        yield from [partial(_after, 0, 1), partial(_after, 30, 2)]
        raise KeyboardInterrupt

    workers.run([partial(_after, 0, 1)])
    before = [process.pid for process in workers._processes]
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        workers.run(tasks())
    assert time.perf_counter() - start < 20
    assert not any(Path(f'/proc/{pid}').exists() for pid in before)
    assert workers.run([partial(_after, 0, 3)]) == [3]


def test_after_opencv_has_used_threads_here(workers):
    image = np.random.default_rng(0).random((2000, 2000), np.float32)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(4)
        blurred = cv2.GaussianBlur(image, (15, 15), 3)
        (found,) = workers.run([partial(cv2.GaussianBlur, image, (15, 15), 3)])
    finally:
        cv2.setNumThreads(threads)
    assert np.allclose(found, blurred)


def test_workers_of_a_loader_that_start_meanwhile(workers):
    """They inherit the pipes, and neither keep the processes from ending nor are kept by them."""
    for _ in range(3):
        assert workers.run([partial(_after, 0, 1)] * 4) == [1] * 4
        batches = iter(DataLoader(list(range(8)), num_workers=2))
        assert int(next(batches)) == 0
        assert workers.run([partial(_after, 0, 1)] * 4) == [1] * 4
        workers.close()
        assert len(list(batches)) == 7


_SCRIPT = """
import os, time
from mmtscam.utils.worker_processes import WorkerProcesses
workers = WorkerProcesses(3)
workers.run([os.getpid] * 3)
print(*(process.pid for process in workers._processes), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_they_end_with_the_process_that_started_them(number):
    process = subprocess.Popen(
        [sys.executable, '-c', _SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pids = process.stdout.readline().split()
    assert len(pids) == 3
    process.send_signal(number)
    process.wait(30)
    for _ in range(200):
        if not any(Path(f'/proc/{pid}').exists() for pid in pids):
            break
        time.sleep(0.05)
    else:
        pytest.fail('they are still there')
    process.communicate()
