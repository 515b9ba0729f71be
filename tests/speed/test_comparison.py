import sys
from dataclasses import replace

import pytest

from mmtscam.speed import Way, WorkerError, check_memory, compare, count_steps
from mmtscam.speed.comparison import model_sizes
from mmtscam.speed.memory import free_memory

# tests/tools/test_benchmark.py compares all workloads.


@pytest.mark.slow
def test_nothing_is_measured_where_the_two_differ(evaluate):
    setting = replace(evaluate, workload='train', cfg_options={'model.backbone.drop_rate': 0.5})
    steps = []
    with pytest.raises(WorkerError, match=r'^baseline against ours: loss of the baseline and of ours differ by '):
        compare(setting, [Way('baseline')], rounds=1, on_step=steps.append)
    assert steps == ['checking that all compute the same']


def test_sizes_of_a_model(evaluate):
    sizes = model_sizes(replace(evaluate, input_size=48, classes=5).load())
    assert sizes.pop('flops') > 0
    assert sizes == dict(input_size=48, tokens=36, width=32, hidden=64, blocks=2, heads=2, classes=5)


def test_sizes_of_trilite(train_trilite):
    assert model_sizes(train_trilite.load())['flops'] is None


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere free memory is not known')
def test_what_does_not_fit_is_refused(evaluate):
    check_memory(evaluate)
    an_image = 2 * 2 * 2 * 101**2 * 4  # attention of two blocks of two heads, and a copy
    fits = free_memory() // an_image
    check_memory(replace(evaluate, batch_size=fits // 2))
    with pytest.raises(ValueError, match=r'^the baseline needs more than [0-9]+ GB for batch size [0-9]+ and 100 tok'):
        check_memory(replace(evaluate, batch_size=fits * 2))
    with pytest.raises(
        ValueError, match=r'^the baseline needs more than 12500004 GB for batch size 10 and 6250000 tokens, and'
    ):
        check_memory(replace(evaluate, batch_size=10, input_size=8 * 2500))
    check_memory(replace(evaluate, batch_size=fits * 2, workload='load'))


def test_steps_to_come(evaluate):
    ways = [Way('baseline'), Way('ours'), Way('ours', 'bf16')]
    assert count_steps(evaluate, ways, rounds=4) == 1 + (3 + 2) * (1 + 1 + 4)
    assert count_steps(evaluate, ways[:2], rounds=4) == 1 + (2 + 1) * (1 + 1 + 4)
    assert count_steps(replace(evaluate, workload='load'), ways[:2], rounds=4) == 2 * (1 + 1 + 4)
