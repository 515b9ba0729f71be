import signal

import pytest
import torch
from mmengine.config import Config

from mmtscam.engine import prepare_cpu_distributed
from mmtscam.engine.launch import end_at_once

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason='is about machines without a GPU')


def test_without_launcher_nothing_changes():
    cfg = Config(dict(launcher='none'))
    prepare_cpu_distributed(cfg)
    assert cfg.to_dict() == dict(launcher='none')


@without_gpu
def test_other_launchers_need_a_gpu():
    with pytest.raises(ValueError, match='the launcher must be pytorch, not slurm'):
        prepare_cpu_distributed(Config(dict(launcher='slurm')))


@without_gpu
def test_gloo_is_started(monkeypatch):
    for name, value in dict(MASTER_ADDR='127.0.0.1', MASTER_PORT='29871', RANK='0', WORLD_SIZE='1').items():
        monkeypatch.setenv(name, value)
    cfg = Config(dict(launcher='pytorch'))
    try:
        prepare_cpu_distributed(cfg)
        assert torch.distributed.get_backend() == 'gloo'
        assert cfg.model_wrapper_cfg.device_ids is None
    finally:
        torch.distributed.destroy_process_group()


def test_sigterm_ends_a_launched_process_at_once():
    """Python hears a signal only between its own steps, and gloo may wait for ever."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        end_at_once()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
