import multiprocessing
import os

import pytest
import torch

from mmtscam.utils.cores import core_share, idle_cores


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)))


def test_alone(eight_cores):
    assert core_share() == 8
    assert [idle_cores(taken) for taken in (0, 3, 7, 8, 20)] == [8, 5, 1, 1, 1]


def _share(rank, start, cores, queue):
    torch.distributed.init_process_group('gloo', init_method=f'file://{start}', rank=rank, world_size=len(cores))
    os.sched_getaffinity = lambda pid: cores[rank]
    queue.put((rank, core_share()))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ('cores', 'expected'),
    [
        ([set(range(8))] * 2, [4, 4]),
        ([set(range(7))] * 3, [2, 2, 2]),
        ([set(range(4)), set(range(4, 10))], [4, 6]),  # each bound to its own
        ([set(range(4)), set(range(2, 8))], [3, 5]),
        ([{0}, {0}], [1, 1]),
    ],
)
def test_of_several_processes(tmp_path, cores, expected):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    processes = [
        context.Process(target=_share, args=(rank, tmp_path / 'start', cores, queue)) for rank in range(len(cores))
    ]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert [found[rank] for rank in range(len(cores))] == expected


def test_a_daemon_starts_no_processes(eight_cores):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=lambda: queue.put(idle_cores(0)), daemon=True)
    process.start()
    assert queue.get(timeout=60) == 1
    process.join()
