"""Bad and odd inputs through the tools: each ends in a right result or one line that names the thing.

``pytest tests/tools/test_odd_inputs.py -s`` prints the table by kind.
"""

import random
from pathlib import Path

import pytest
from odd_inputs import Ground, all_cases
from odd_inputs.runs import run_cases, table


@pytest.mark.slow
def test_each_ends_in_a_right_result_or_one_line(tool_config, checkpoint, sample_set, tmp_path):
    config = tmp_path / 'tiny.py'
    tool_config.dump(config)
    ground = Ground(tmp_path / 'odd', config, Path(checkpoint), sample_set, random.Random(0))
    cases = list(all_cases(ground))
    assert len(cases) >= 200
    assert len({case.kind for case in cases}) >= 25
    ends = run_cases(cases, tmp_path / 'printed')
    print(f'\n{table(ends)}')
    wrong = [
        f'{ended.case.kind}: {ended.case.name}: {"; ".join(ended.faults)}: {ended.line}'
        for ended in ends
        if ended.faults
    ]
    assert not wrong, '\n'.join(wrong)
