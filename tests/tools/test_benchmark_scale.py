import pytest
from tool_runs import run_tool

pytestmark = pytest.mark.slow


def test_tables(tmp_path):
    command = ['analysis/benchmark_scale.py', '--rows', '2000', '--images', '10', '--rounds', '1', '--workers', '1']
    printed = run_tool(tmp_path, *command)
    assert 'a list of 2000 images, workers by fork' in printed
    assert 'memory of all processes, 1 worker, MB' in printed
    assert 'a file with maps of 10 images' in printed


def test_at_least_one_worker(tmp_path):
    printed = run_tool(tmp_path, 'analysis/benchmark_scale.py', '--workers', '1', '0', code=2)
    assert '--workers 0: must be at least 1' in printed
