import mmap
import subprocess
import sys
import time
from pathlib import Path

import pytest
from speed_tasks import MIB, touch

from mmtscam.speed import memory, memory_in_use, peak_memory, reset_peak_memory
from mmtscam.speed.memory import free_memory, tree_memory

linux = pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere the system does not tell')
SIZE = 64 * MIB


@linux
def test_memory_that_is_written_is_in_use():
    before = memory_in_use()
    with mmap.mmap(-1, SIZE) as taken:
        assert memory_in_use() < before + SIZE // 2  # its pages are not there yet
        taken.write(bytes(SIZE // 2))
        taken.write(bytes(SIZE // 2))
        assert SIZE <= memory_in_use() - before < SIZE + 48 * MIB
    assert memory_in_use() < before + SIZE // 2


@linux
def test_the_peak_outlasts_what_was_taken_until_it_is_reset():
    reset_peak_memory()
    before = peak_memory()
    touch(SIZE)
    assert peak_memory() >= before + SIZE - 8 * MIB
    assert memory_in_use() < before + SIZE // 2
    reset_peak_memory()
    assert peak_memory() < before + SIZE // 2


@linux
def test_processes_below_this_one_count_and_what_they_share_counts_once(tmp_path):
    (tmp_path / 'shared').write_bytes(bytes(SIZE))
    look = """
import mmap, sys
with open(sys.argv[1], 'r+b') as file:
    shared = mmap.mmap(file.fileno(), 0)
sum(shared[::4096])
own = bytearray(b'x') * len(shared)
print('ready', flush=True)
input()
"""
    start = 'import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])'
    with (tmp_path / 'shared').open('r+b') as file, mmap.mmap(file.fileno(), 0) as shared:
        sum(shared[::4096])
        before = tree_memory()
        command = [sys.executable, '-c', start, '-c', look, str(tmp_path / 'shared')]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == 'ready\n'
            assert SIZE <= tree_memory() - before < SIZE + 48 * MIB
            process.communicate('\n')
        assert abs(tree_memory() - before) < SIZE // 2


@linux
def test_free_memory_is_less_than_all():
    with open('/proc/meminfo') as file:  # noqa: PTH123
        total = int(file.readline().split()[1]) * 1024
    assert 0 < free_memory() < total


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, '_PROC', tmp_path / 'none')
    assert memory_in_use() is None
    assert peak_memory() is None
    assert tree_memory() is None
    reset_peak_memory()


def test_a_line_in_kilobytes(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, '_PROC', tmp_path)
    (tmp_path / 'status').write_text('Name:\tVmRSS\nVmHWM:\t   12 kB\nVmRSS:\t    7 kB\n')
    assert (memory_in_use(), peak_memory()) == (7 * 1024, 12 * 1024)
    (tmp_path / 'status').write_text('Name:\tpython\n')
    assert memory_in_use() is None


@linux
def test_a_process_that_has_ended_has_no_memory():
    """Until its parent asks how it ended it is in the list of processes."""
    with subprocess.Popen([sys.executable, '-c', ''], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # up to its end
        while Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z':
            time.sleep(0.01)
        assert tree_memory() > 0
