import re

import pytest
from tool_runs import run_tool

pytestmark = pytest.mark.slow


def test_table(tiny_config, checkpoint, sample_set, tmp_path):
    tiny_config.dump(tmp_path / 'tiny.py')
    words = [tmp_path / 'tiny.py', checkpoint, sample_set, '--rounds', '1', '--batch-size', '4']
    printed = run_tool(tmp_path, 'analysis/benchmark_folder.py', *words)
    assert re.search(r'\d+ images, batch 4, threads: \d+; ms an image', printed)
    for tool in ('image_demo.py', 'pseudo_label.py'):
        alone, whole, ratio = map(float, re.search(rf'{tool} +│ +([\d.]+) │ +([\d.]+) │ +([\d.]+) ', printed).groups())
        assert ratio == pytest.approx(whole / alone, abs=0.02)


def test_a_missing_folder(tiny_config, checkpoint, tmp_path):
    tiny_config.dump(tmp_path / 'tiny.py')
    words = [tmp_path / 'tiny.py', checkpoint, tmp_path / 'far']
    printed = run_tool(tmp_path, 'analysis/benchmark_folder.py', *words, code=1)
    assert 'far: folder not found' in printed
