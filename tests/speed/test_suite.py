from dataclasses import replace

import pytest

from mmtscam.speed.suite import DRY_RUN, run_suite


@pytest.fixture
def golden(repo):
    return str(repo / 'tests' / 'data' / 'tscam_small.npz')


def test_stages_that_would_begin_too_late_are_left_out(config_file, golden):
    results = list(run_suite({'tiny': config_file}, golden, DRY_RUN, seconds=-1))
    assert [result.name for result in results] == [
        'golden numbers',
        'tiny, evaluate',
        'waits, evaluate',
        'waits, train',
        'memory at 48',
        'loading',
        'metrics',
    ]
    assert {result.problem for result in results} == {'left out: -1 s were over'}


@pytest.mark.slow
def test_a_stage_that_fails_does_not_stop_the_others(tmp_path, config_file):
    begun = []
    size = replace(DRY_RUN, cfg_options={})
    results = list(run_suite({'gone': str(tmp_path / 'gone.py')}, str(tmp_path / 'none.npz'), size, 600, begun.append))
    assert begun == [result.name for result in results]
    problems = {result.name: result.problem for result in results}
    assert 'none.npz' in problems['golden numbers']
    assert all('gone.py' in problem for name, problem in problems.items() if name not in ('golden numbers', 'metrics'))
    assert problems['metrics'] is None and results[-1].rows
