import socket
from multiprocessing import resource_sharer

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmtscam.engine.loaders import end_idle_persistence, end_with_parent


def test_no_workers_do_not_persist():
    loader = dict(batch_size=2, persistent_workers=True)
    cfg = Config(
        dict(
            train_dataloader=dict(loader, num_workers=0),
            val_dataloader=dict(loader, num_workers=1),
            test_dataloader=loader,
        )
    )
    end_idle_persistence(cfg)
    assert cfg.train_dataloader == dict(batch_size=2, num_workers=0, persistent_workers=False)
    assert cfg.val_dataloader == dict(batch_size=2, num_workers=1, persistent_workers=True)
    assert cfg.test_dataloader == dict(batch_size=2, persistent_workers=False)


def test_no_loaders_are_fine():
    cfg = Config(dict(train_dataloader=None, model=dict()))
    end_idle_persistence(cfg)
    assert cfg.to_dict() == dict(train_dataloader=None, model=dict())


def test_a_run_without_workers(tiny_config):
    tiny_config.train_dataloader.persistent_workers = True
    tiny_config.train_cfg.max_epochs = 1
    end_idle_persistence(tiny_config)
    Runner.from_cfg(tiny_config).train()


class _Interrupted(list):
    """Hands a file over to a reader that goes away; then ends the thread that does so."""

    def __getitem__(self, index):
        address, _ = resource_sharer._resource_sharer.register(lambda *_: None, lambda: None)
        with socket.socket(socket.AF_UNIX) as reader:
            reader.connect(address)
        resource_sharer.stop()
        return super().__getitem__(index)


@pytest.mark.parametrize(('init', 'printed'), [(end_with_parent, False), (None, True)])
def test_a_worker_says_nothing_of_a_reader_that_was_interrupted(capfd, init, printed):
    assert [*DataLoader(_Interrupted([7]), batch_size=None, num_workers=1, worker_init_fn=init)] == [7]
    assert ('Traceback' in capfd.readouterr().err) == printed
