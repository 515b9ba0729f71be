import logging
import sys
from functools import partial

import pytest
from mmengine.logging import print_log
from speed_tasks import every_workload

from mmtscam.speed import image_files, start_workers
from mmtscam.speed.workloads import quiet
from mmtscam.utils.choices import WORKLOADS


@pytest.mark.slow
def test_every_workload_runs_in_every_way(config_file, tiny_config):
    """In a process of its own, whose allocator and cores are then set."""
    with image_files(tiny_config, 2) as found:
        setting = dict(config=config_file, batch_size=4, batches=2, **found)
        with start_workers([('all', partial(every_workload, setting))]) as (worker,):
            found = worker.run().result
    assert set(found) == {
        (workload, way) for workload in WORKLOADS for way in ('baseline fp32', 'ours fp32', 'ours bf16')
    }
    metrics = found['evaluate', 'ours fp32'][0]
    right = found['evaluate', 'baseline fp32'][0]
    assert {name: pytest.approx(metrics[f'tscam/{name}'] * 8 / 100) for name in right} == right
    assert found['evaluate', 'ours bf16'][0].keys() == metrics.keys()
    for (workload, _), (_, cores, threads) in found.items():
        if workload == 'load':
            assert threads == 1
            assert cores == (1 if sys.platform == 'linux' else None)


def test_errors_alone_are_said(capsys):
    quiet()
    print_log('as expected', logger='current', level=logging.WARNING)
    print_log('a failure', logger='current', level=logging.ERROR)
    printed = capsys.readouterr().out
    assert 'a failure' in printed and 'as expected' not in printed
