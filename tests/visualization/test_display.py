import os
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

from mmtscam.visualization import check_display

TRIED = 'from mmtscam.visualization import check_display; check_display()'


@pytest.mark.parametrize('backend', ['agg', 'svg', 'pdf'])
def test_what_draws_to_files_opens_no_window(backend):
    before = plt.get_backend()
    try:
        plt.switch_backend(backend)
        with pytest.raises(ValueError, match=rf'^no window can be opened .* matplotlib draws with {backend} here'):
            check_display()
    finally:
        plt.switch_backend(before)
    assert not plt.get_fignums()


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have a display without a variable that names it')
@pytest.mark.parametrize('asked', [{}, {'MPLBACKEND': 'TkAgg'}])
def test_no_display(asked):
    environment = {name: value for name, value in os.environ.items() if name not in ('DISPLAY', 'WAYLAND_DISPLAY')}
    environment.pop('MPLBACKEND', None)
    tried = subprocess.run(
        [sys.executable, '-c', TRIED], env={**environment, **asked}, capture_output=True, text=True, timeout=120
    )
    last = tried.stderr.splitlines()[-1]
    assert tried.returncode == 1 and last.startswith('ValueError: no window can be opened to show pictures')
