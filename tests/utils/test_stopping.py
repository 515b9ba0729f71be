"""A tool that is told to stop does so, wherever it is."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from mmtscam.utils.stopping import stoppable


class Removed:
    """Is interrupted where Python drops exceptions."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)
        time.sleep(0.001)


class HalfMade:
    def __del__(self):
        raise AttributeError('it has no workers')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('dropped', [False, True])
def test_an_interruption_is_not_lost(number, dropped, capfd):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), stoppable() as received:
        _be_told(number, dropped)
    HalfMade()  # perhaps when the process ends
    assert received == [number]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert capfd.readouterr().err == ''


def _be_told(number, dropped):
    if dropped:
        Removed(number)
    else:
        os.kill(os.getpid(), number)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.001)


def test_other_errors_that_python_drops_are_told():
    class Broken:
        def __del__(self):
            raise ValueError('of an object')

    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'unraisablehook', lambda unraisable: told.append(str(unraisable.exc_value)))
        with stoppable():
            Broken()
        Broken()
    assert told == ['of an object'] * 2


def test_a_background_job_goes_on_at_ctrl_c():
    found = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable() as received:
            os.kill(os.getpid(), signal.SIGINT)
        assert (received, signal.getsignal(signal.SIGINT)) == ([], signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGINT, found)


def test_a_signal_after_the_end_says_nothing():
    """The interpreter tidies up for a while."""
    script = (
        'import atexit, os, signal; from mmtscam.utils.cli import run; run(lambda: print("done")); '
        'atexit._run_exitfuncs(); [os.kill(os.getpid(), number) for number in (signal.SIGINT, signal.SIGTERM)]'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, 'done\n', '')


@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_forked_processes_leave_ctrl_c_to_the_first_and_end_at_sigterm(number, code, capfd):
    with stoppable() as received:
        process = multiprocessing.get_context('fork').Process(target=lambda: os.kill(os.getpid(), number))
        process.start()
        process.join()
    assert (process.exitcode, received, capfd.readouterr().err) == (code, [], '')
