import json

import pytest
from tool_runs import run_tool

pytestmark = pytest.mark.slow


def test_dry_run(tmp_path):
    """All stages go through on a CPU, so that they do on the day when there is a GPU."""
    printed = run_tool(tmp_path, 'analysis/benchmark_gpu.py', '--dry-run', '--out', 'gpu.json')
    assert 'Dry run on CPUs at tiny sizes: the figures mean nothing' in printed
    assert 'problem' not in printed
    record = json.loads((tmp_path / 'gpu.json').read_text())
    assert record['dry_run']
    stages = record['stages']
    assert [name for name, stage in stages.items() if stage['problem'] or not stage['data']] == []
    assert {'golden numbers', 'waits, train', 'memory at 48', 'loading', 'metrics'} < stages.keys()
    for name in ('TS-CAM, evaluate', 'SAT, train'):
        assert stages[name]['data']['ways']['ours bf16']['precision'] == 'bf16'
