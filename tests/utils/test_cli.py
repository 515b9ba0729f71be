import argparse
import json
import signal
import subprocess
import sys
import time

import pytest

from mmtscam.localization import get_protocol
from mmtscam.utils.cli import add_cfg_options, check_at_least, run


def _raise(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    'error', [ValueError('a'), FileNotFoundError(2, 'not there', 'a'), ModuleNotFoundError('no a'), OSError()]
)
def test_what_a_user_can_mend_is_one_line(error):
    with pytest.raises(SystemExit) as ended:
        run(_raise(error))
    assert ended.value.code == (str(error) or 'OSError')


def test_messages_of_the_package_are_one_line():
    with pytest.raises(SystemExit, match=r"^unknown protocol 'x'"):
        run(lambda: get_protocol('x'))


@pytest.mark.parametrize('error', [KeyError('a'), AssertionError('a'), RuntimeError('a'), TypeError('a')])
def test_bugs_keep_their_traceback(error):
    with pytest.raises(type(error)):
        run(_raise(error))


def test_values_that_others_refuse_keep_their_traceback():
    """The message of a library, or of a data set of the user's own, says too little without its place."""
    with pytest.raises(json.JSONDecodeError):
        run(lambda: json.loads('{'))


def test_hints():
    hints = {'batch_size': '--batch-size', 'labels': '--labels'}
    with pytest.raises(SystemExit) as ended:
        run(_raise(ValueError('batch_size must be at least 1, got 0')), hints)
    assert ended.value.code == 'batch_size must be at least 1, got 0 (--batch-size)'


@pytest.mark.parametrize(
    ('stop', 'said'), [(KeyboardInterrupt(), 'interrupted'), (KeyboardInterrupt('done: 3'), 'done: 3')]
)
def test_interrupted(stop, said, capsys):
    with pytest.raises(SystemExit) as ended:
        run(_raise(stop))
    assert (ended.value.code, capsys.readouterr().err) == (130, f'{said}\n')


def test_interrupted_while_importing(repo):
    """Nearly all of a tool's first seconds is imports."""
    words = [sys.executable, '-W', 'ignore', 'tools/test.py', 'none.py', 'none.pth']
    process = subprocess.Popen(words, cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # PyTorch is mapped into memory early in its import.
    while process.poll() is None and 'libtorch' not in _maps(process.pid):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, 'interrupted\n')


def _maps(pid):
    with open(f'/proc/{pid}/maps') as file:  # noqa: PTH123
        return file.read()


def test_arguments(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--batch-size', type=int)
    add_cfg_options(parser)
    args = parser.parse_args(['--batch-size', '0', '--cfg-options', 'a.b=1', 'c=[1,x]'])
    assert args.cfg_options == {'a.b': 1, 'c': [1, 'x']}
    check_at_least(parser, args, 0, ['batch_size'])
    with pytest.raises(SystemExit):
        check_at_least(parser, args, 1, ['batch_size'])
    assert capsys.readouterr().err.endswith('--batch-size 0: must be at least 1\n')
    check_at_least(parser, parser.parse_args([]), 1, ['batch_size'])
