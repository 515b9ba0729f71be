import multiprocessing
import os
import signal
import sys
import time
from functools import partial

import pytest
from speed_tasks import MIB, fail, kill, process_and_gpus, steps, touch

from mmtscam.speed import Memory, WorkerError, start_workers
from mmtscam.speed.worker import _explain

SLEEP = partial(time.sleep, 600)


@pytest.mark.slow
def test_workers_run_report_and_end(monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '0')
    runs = [process_and_gpus, process_and_gpus, partial(touch, 64 * MIB), kill]
    builds = [
        ('good', partial(steps, 160 * MIB, *runs)),
        ('fails', partial(steps, 0, partial(fail, EOFError('no more')))),
        ('sleeps', partial(steps, 0, SLEEP)),
    ]
    built = []
    with start_workers(builds, on_built=built.append) as workers:
        assert built == [worker.name for worker in workers] == ['good', 'fails', 'sleeps']
        good, fails, sleeps = workers

        pid, gpus = good.run().result
        assert pid != os.getpid()
        assert gpus == ''
        assert os.environ['CUDA_VISIBLE_DEVICES'] == '0'
        os.kill(pid, signal.SIGINT)  # as Ctrl-C does to all processes of a terminal
        assert good.run().result == (pid, '')

        before = good.memory()
        run = good.run()
        assert run.result == 64 * MIB
        assert 0 < run.seconds < 60
        after = good.memory()
        assert after.own == before.own
        if sys.platform == 'linux':
            # Without what building took for a while.
            assert before.above < 32 * MIB
            assert 60 * MIB < after.above < 110 * MIB

        with pytest.raises(WorkerError, match=r'^fails: EOFError: no more \(.*speed_tasks.py:[0-9]+\)$'):
            fails.run()
        with pytest.raises(WorkerError, match=r'^fails: its process ended unexpectedly with exit code 0$'):
            fails.run()
        with pytest.raises(WorkerError, match=r'^good: its process was killed, most likely because memory ran out: '):
            good.run()
        with pytest.raises(WorkerError, match=r'^good: its process was killed'):
            good.memory()

        sleeps._connection.send('run')  # and not waited for
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_task_that_cannot_be_built():
    builds = [('broken', partial(fail, KeyError('width'))), ('never', partial(steps, 0, SLEEP))]
    built = []
    with (
        pytest.raises(WorkerError, match=r"^broken: KeyError: 'width' \(.*speed_tasks.py:[0-9]+\)$"),
        start_workers(builds, on_built=built.append),
    ):
        pytest.fail('its task was never built')
    assert built == []
    assert multiprocessing.active_children() == []


def test_an_error_for_users_says_no_more_than_they_need():
    assert _explain(ValueError('choose a smaller batch')) == 'choose a smaller batch'


def test_memory_above_the_models_own():
    assert Memory(own=5, peak=7).above == 2
    assert Memory(None, 7).above is None
    assert Memory(5, None).above is None
