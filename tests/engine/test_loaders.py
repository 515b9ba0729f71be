from mmengine.config import Config
from mmengine.runner import Runner

from mmtscam.engine.loaders import end_idle_persistence


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
