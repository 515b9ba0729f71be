import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from mmtscam.localization import get_protocol
from mmtscam.utils.cli import (
    add_cfg_options,
    add_model_arguments,
    add_runner_arguments,
    check_at_least,
    run,
    set_local_rank,
)


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
    'word, message, is_meant',
    [
        ('topk', "__init__() got an unexpected keyword argument 'topkk'", False),
        ('topk', "__init__() got an unexpected keyword argument 'topk'", True),
        ('workers', 'num_workers must be at least 0', False),
        ('topk', '/data/topk/a.jpg: not found', False),
        ('topk', '/data/topk: not found', False),
        ('layout=', "add 'coco' for layout='rfdetr'", True),
        ('set model.', 'set model.head.loss', True),
        ('font ', "font 'a': no such font", True),
    ],
)
def test_a_hint_is_for_the_whole_word(word, message, is_meant):
    with pytest.raises(SystemExit) as ended:
        run(_raise(ValueError(message)), {word: 'HINT'})
    assert ended.value.code.endswith('(HINT)') == is_meant


@pytest.mark.parametrize(
    ('stop', 'said'), [(KeyboardInterrupt(), 'interrupted'), (KeyboardInterrupt('done: 3'), 'done: 3')]
)
def test_interrupted(stop, said, capsys):
    with pytest.raises(SystemExit) as ended:
        run(_raise(stop))
    assert (ended.value.code, capsys.readouterr().err) == (130, f'{said}\n')


class UntoldError(OSError):
    """An error that a user interrupts as it is told."""

    def __str__(self):
        raise KeyboardInterrupt


def _as_mmengine():
    """Its config takes whatever stops its formatter for a mistake in the config."""
    try:
        raise KeyboardInterrupt
    except BaseException:
        raise SyntaxError('Failed to format the config file')  # noqa: B904


@pytest.mark.parametrize('main', [_raise(UntoldError()), _as_mmengine])
def test_interrupted_while_something_fails(main, capsys):
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert (ended.value.code, capsys.readouterr().err) == (130, 'interrupted\n')


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


def test_sigterm_ends_tidily(tmp_path):
    """Unfinished files go, a second signal does not disturb this, and the exit code is that of the signal."""
    script = tmp_path / 'tool.py'
    script.write_text(
        'import os, signal, time\n'
        'from mmtscam.utils.cli import run\n'
        'from mmtscam.utils.files import unfinished\n'
        'def main():\n'
        f'    with unfinished({str(tmp_path / "out" / "a.txt")!r}) as temporary:\n'
        '        temporary.write_text("half")\n'
        '        try:\n'
        '            os.kill(os.getpid(), signal.SIGTERM)\n'
        '            time.sleep(60)\n'
        '        finally:\n'
        '            os.kill(os.getpid(), signal.SIGTERM)\n'
        '            time.sleep(0.1)\n'
        'run(main)\n'
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, '', 'terminated\n')
    assert list((tmp_path / 'out').iterdir()) == []


def test_lines_of_a_log_that_a_full_disk_refuses_are_lost_in_silence(capfd, monkeypatch):
    monkeypatch.setattr(logging, 'raiseExceptions', True)
    logger, handler = logging.getLogger('full'), logging.FileHandler('/dev/full')
    logger.addHandler(handler)
    run(lambda: logger.error('a line'))
    logger.removeHandler(handler)
    handler.stream = None
    assert capfd.readouterr().err == ''


def _maps(pid):
    with open(f'/proc/{pid}/maps') as file:  # noqa: PTH123
        return file.read()


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog='tool')
    add_cfg_options(parser)
    return parser


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['a.b=1', 'a.c=0.5', 'd=true'], {'a.b': 1, 'a.c': 0.5, 'd': True}),
        (['a=[1,2]', 'b=1,2', 'c=[(a,b),(c,d)]'], {'a': [1, 2], 'b': [1, 2], 'c': [('a', 'b'), ('c', 'd')]}),
        (['a=x=y'], {'a': 'x=y'}),  # a path, say
        (['a=[1, 2 ]', 'b= 1', 'c=[(a, b), ( c,d)]'], {'a': [1, 2], 'b': 1, 'c': [('a', 'b'), ('c', 'd')]}),
    ],
)
def test_settings_of_the_config(parser, words, expected):
    assert parser.parse_args(['--cfg-options', *words]).cfg_options == expected


@pytest.mark.parametrize('word', ['a', '=1', ''])
def test_settings_without_a_key_and_a_value(parser, word, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'b=1', word])
    said = capsys.readouterr().err
    assert said.endswith(f'tool: error: argument --cfg-options: KEY=VALUE expected, got {word!r}\n')


@pytest.mark.parametrize('word', ['a=my data/birds', 'a=[x,my birds]', 'a=x\ty'])
def test_white_space_that_would_be_lost(parser, word, capsys):
    """mmengine would take it out and look elsewhere: see findings/mmengine-cfg-options-paths.sh."""
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', word])
    said = capsys.readouterr().err
    assert f'{word!r} has white space within a value, which mmengine takes out: set it in a config, or link' in said


def test_no_settings(parser):
    assert parser.parse_args([]).cfg_options is None


def test_another_flag():
    parser = argparse.ArgumentParser()
    add_cfg_options(parser, 'override settings of the cascade', '--cascade-options')
    assert parser.parse_args(['--cascade-options', 'a=1']).cascade_options == {'a': 1}
    assert 'override settings of the cascade' in parser.format_help()


def test_what_a_runner_needs():
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    add_runner_arguments(parser)
    args = parser.parse_args(['a.py', 'a.pth'])
    assert vars(args) == dict(
        config='a.py', checkpoint='a.pth', work_dir=None, amp=False, cfg_options=None, launcher='none', local_rank=0
    )
    # Launchers write it both ways.
    for flag in ('--local_rank=3', '--local-rank=3'):
        assert parser.parse_args(['a.py', 'a.pth', flag]).local_rank == 3
    with pytest.raises(SystemExit):
        parser.parse_args(['a.py', 'a.pth', '--launcher', 'none at all'])


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({}, '2'),
        ({'OMPI_COMM_WORLD_LOCAL_RANK': '1'}, '1'),
        ({'LOCAL_RANK': '0', 'OMPI_COMM_WORLD_LOCAL_RANK': '1'}, '0'),
    ],
)
def test_local_rank(monkeypatch, environment, expected):
    """The launcher knows better than MPI, and MPI better than the flag."""
    for name in ('LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'):
        monkeypatch.setenv(name, '')  # so that what the function sets is taken back
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    set_local_rank(argparse.Namespace(local_rank=2))
    assert os.environ['LOCAL_RANK'] == expected


def test_a_lower_limit(capsys):
    parser = argparse.ArgumentParser(prog='tool')
    args = argparse.Namespace(batch_size=1, num_workers=None)
    check_at_least(parser, args, 1, ['batch_size', 'num_workers'])
    with pytest.raises(SystemExit):
        check_at_least(parser, args, 2, ['num_workers', 'batch_size'])
    assert capsys.readouterr().err.endswith('tool: error: --batch-size 1: must be at least 2\n')


def test_a_command_line_is_read_before_anything_heavy():
    code = """
import argparse, sys
from mmtscam.utils.cli import add_runner_arguments
parser = argparse.ArgumentParser()
add_runner_arguments(parser)
parser.parse_args([])
print(sorted({'torch', 'mmengine', 'mmcv', 'numpy'} & sys.modules.keys()))
"""
    command = [sys.executable, '-c', code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == '[]\n'


def test_a_message_cannot_move_the_cursor_or_fill_the_screen(tmp_path):
    for name, said in (('a\x1b[2J', r'a\x1b[2J'), ('a\nb', 'a b'), ('x' * 100_000, 'xxx ... xxx')):
        with pytest.raises(SystemExit) as ended:
            run(_raise(FileNotFoundError(f'{name}: no such file')))
        assert said in ended.value.code
        assert ended.value.code.endswith(': no such file')
        assert len(ended.value.code) < 2010 and '\n' not in ended.value.code


@pytest.mark.parametrize('word', ['a=],(2,3)]', 'a=' + '[' * 5000 + ']' * 5000])
def test_brackets_that_mmengine_cannot_read(parser, word, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', word])
    assert 'error: argument --cfg-options: ' in capsys.readouterr().err


@pytest.mark.parametrize(('words', 'before'), [(['', 'a.py'], 'tool'), (['a.jpg', '--out-dir', ''], '--out-dir')])
def test_an_empty_argument_is_refused_before_all_else(words, before, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool', *words])
    with pytest.raises(SystemExit) as ended:
        run(lambda: pytest.fail('it ran'))
    assert ended.value.code == f"the argument after {before} is empty (''): is a variable of the shell not set?"
