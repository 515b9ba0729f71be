"""Training and evaluation in two processes on CPUs, with the strategies of mmengine's FlexibleRunner.

Each process checks itself, see distributed_worker.py. ``Runner`` with DDP is
tested in tools/test_distributed.py; sharded training is what mmengine offers
with ``FlexibleRunner`` only.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


def run_two(tmp_path, worker, *arguments):
    """Outputs of two processes that find each other by a file, so that no port can be taken."""
    processes = [
        subprocess.Popen(
            [sys.executable, '-W', 'ignore', TESTS / worker, *arguments, tmp_path / 'store', tmp_path / 'work_dir'],
            env={**os.environ, 'RANK': str(rank), 'LOCAL_RANK': str(rank), 'WORLD_SIZE': '2', 'OMP_NUM_THREADS': '1'},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for rank in range(2)
    ]
    try:
        return [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('backbone', 'strategy'),
    [
        ('deit', 'ddp'),
        ('deit', 'fsdp'),
        ('deit', 'fsdp-checkpointing'),
        ('deit', 'fsdp-head'),
        ('conformer', 'fsdp-head'),
    ],
)
def test_step_and_maps_are_the_whole_models(backbone, strategy, tmp_path, monkeypatch):
    """One step gives the weights that the mean of both gradients gives, seen by scores and maps after it."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    for output in run_two(tmp_path, 'distributed_worker.py', backbone, strategy):
        assert output.endswith('agrees\n'), output[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize(('spatial_tokens', 'zoomed'), [('learned', 0), ('image', 0), ('learned', 1)])
def test_foreground_losses_are_those_of_the_whole_batch(spatial_tokens, zoomed, tmp_path, monkeypatch):
    """The area is that of all processes' images, and so is its gradient; some of one process may be closer looks."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    for output in run_two(tmp_path, 'foreground_worker.py', spatial_tokens, str(zoomed)):
        assert output.endswith('agrees\n'), output[-4000:]


@pytest.mark.slow
def test_danet_compares_the_same_maps_in_all_processes(tmp_path, monkeypatch):
    """Losses and gradients are those of the whole batch, also with a seed of its own in each process."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    for output in run_two(tmp_path, 'danet_worker.py'):
        assert output.endswith('agrees\n'), output[-4000:]


@pytest.mark.slow
def test_i2c_has_the_centres_of_all_processes(tmp_path, monkeypatch):
    """Weights, gradients and centres are those of one process, also where a centre moves twice in a step."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    for output in run_two(tmp_path, 'i2c_worker.py'):
        assert output.endswith('agrees\n'), output[-4000:]
