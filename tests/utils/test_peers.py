"""Three processes, of which some fail; see test_cli.py for one."""

import pytest
from rank_runs import RankRuns
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

WORKER = """
import os, signal, sys, time
from mmtscam.utils import cli, peers

peers._LAUNCHERS_TIME = peers._HEARING_MAIN = peers._HEARING = 0.2

def refuse():
    raise ValueError('a.jpg: cannot be read')

def has_a_bug():
    raise RuntimeError('a bug')

def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def is_interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

def gives_up():
    raise SystemExit('no more')

def is_busy():
    time.sleep(60)

def takes_longer():
    time.sleep(1)

def exchanges():
    import torch.distributed
    torch.distributed.barrier()

def does_nothing():
    pass

def main():
    import torch.distributed
    torch.distributed.init_process_group('gloo')
    peers.watch_peers()
    peers.watch_peers()
    globals()[sys.argv[1]]()

main() if 'alone' in sys.argv else cli.run(main)
"""
LINE = 'rank {} ends, since rank {} has failed or was stopped\n'


@pytest.fixture(scope='module')
def start(tmp_path_factory):
    """Run one act in each of three processes; returns their exit codes and what they print."""
    folder = tmp_path_factory.mktemp('peers')
    script = folder / 'worker.py'
    script.write_text(WORKER)
    with RankRuns(folder, ('torch.distributed', 'mmengine.dist', 'mmtscam.utils.cli')) as runs:

        def start(*acts, flags=()):
            ends = runs.run(script, [[act, *flags] for act in acts], len(acts), limit=30)
            assert all(ended.seconds < 30 for ended in ends), ends
            return [ended.code for ended in ends], [ended.printed for ended in ends]

        yield start


def test_all_are_done(start):
    assert start('takes_longer', 'does_nothing', 'does_nothing') == ([0, 0, 0], ['', '', ''])


@pytest.mark.parametrize('others', ['is_busy', 'exchanges'])
def test_a_message_ends_the_others(start, others):
    codes, printed = start(others, 'refuse', others)
    assert codes == [1, 1, 1]
    assert printed == [LINE.format(0, 1), 'rank 1: a.jpg: cannot be read\n', LINE.format(2, 1)]


@pytest.mark.parametrize('others', ['is_busy', 'exchanges'])
def test_a_bug_has_the_only_traceback(start, others):
    codes, printed = start(others, others, 'has_a_bug')
    assert codes == [1, 1, 1]
    assert printed[:2] == [LINE.format(0, 2), LINE.format(1, 2)]
    assert 'Traceback' in printed[2] and printed[2].endswith('RuntimeError: a bug\n')


@pytest.mark.parametrize('others', ['is_busy', 'exchanges'])
def test_one_is_killed(start, others):
    """The main process is the one by which the others found each other."""
    codes, printed = start('is_killed', others, others)
    assert codes == [-9, 1, 1]
    assert printed == ['', LINE.format(1, 0), LINE.format(2, 0)]


def test_the_same_message_of_all_is_told_once(start):
    codes, printed = start('refuse', 'refuse', 'refuse')
    assert codes == [1, 1, 1]
    (first,) = (rank for rank in range(3) if 'a.jpg' in printed[rank])
    assert printed[first] == f'rank {first}: a.jpg: cannot be read\n'
    assert all(printed[rank] == LINE.format(rank, first) for rank in range(3) if rank != first)


def test_one_is_interrupted(start):
    codes, printed = start('is_interrupted', 'exchanges', 'exchanges')
    assert codes == [130, 1, 1]
    assert printed == ['rank 0: interrupted\n', LINE.format(1, 0), LINE.format(2, 0)]


def test_one_gives_up(start):
    """An exit of the tool's own, other than with 0."""
    codes, printed = start('exchanges', 'exchanges', 'gives_up')
    assert codes == [1, 1, 1]
    assert printed == [LINE.format(0, 2), LINE.format(1, 2), 'no more\n']


def test_scripts_of_others_end_as_before(start):
    """They do not say how they end, and nobody waits for them to say it."""
    codes, printed = start('exchanges', 'has_a_bug', 'exchanges', flags=['alone'])
    assert codes == [1, 1, 1]
    assert all(line in text for line, text in zip(['Connection', 'a bug', 'Connection'], printed, strict=True))


def test_torchrun_is_told(start, tmp_path, monkeypatch):
    """Its table has the message, read as it reads it."""
    from mmtscam.utils import peers

    file = tmp_path / 'error.json'
    monkeypatch.setenv('TORCHELASTIC_ERROR_FILE', str(file))
    peers._tell_torchrun('rank 1: a.jpg: cannot be read')
    failure = ProcessFailure(local_rank=1, pid=1, exitcode=1, error_file=str(file))
    assert failure.message['message'] == 'rank 1: a.jpg: cannot be read'
    assert failure.timestamp > 0
