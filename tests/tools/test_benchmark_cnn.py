import pytest
from tool_runs import run_tool

pytestmark = pytest.mark.slow


def test_tables(cnn_config, tmp_path):
    tool = 'analysis/benchmark_cnn.py'
    printed = run_tool(tmp_path, tool, cnn_config, '--batch-size', '2', '--rounds', '1')
    assert 'tiny_cnn: train, batch 2' in printed
    assert 'tiny_cnn: predict, batch 2' in printed
    assert printed.count('channels last') == 2
    printed = run_tool(tmp_path, tool, cnn_config, '--batch-size', '2', '--rounds', '1', '--classes', '50')
    assert 'tiny_cnn: 50 classes, one core, batch 2' in printed
    assert printed.count('with SelfCorrelation') == 1
