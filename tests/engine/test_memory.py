import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from mmtscam.engine.memory import keep_freed_memory
if sys.argv[1] == 'keep':
    assert keep_freed_memory()
import numpy as np
def touch():
    np.ones(16 * 2**20, np.uint8)
sys.argv[2:] and np.ones(2**31 + 2**29, np.uint8)  # and freed
for _ in range(3):
    touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='about glibc')
@pytest.mark.slow
def test_pages_are_used_again():
    """16 MiB have 4096 pages; where they are handed back, the next allocation faults each in anew."""

    def faults(*way):
        # From one fixed setting: glibc raises its limits by itself as pieces are freed.
        limits = {'MALLOC_MMAP_THRESHOLD_': '131072', 'MALLOC_TRIM_THRESHOLD_': '131072'}
        huge = {'NUMPY_MADVISE_HUGEPAGE': '0'}  # of which each would count as one page
        command = [sys.executable, '-W', 'ignore', '-c', PROGRAM, *way]
        output = subprocess.run(command, env={**limits, **huge}, capture_output=True, text=True, check=True).stdout
        return int(output.split()[-1])

    assert faults('keep') < 500
    assert faults('keep', 'after 2.5 GiB') < 500
    assert faults('return') > 5_000


def test_elsewhere_nothing_is_done(monkeypatch):
    from mmtscam.engine.memory import keep_freed_memory

    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert not keep_freed_memory()
