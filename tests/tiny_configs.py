"""A complete config of a very small model, for fixtures of any scope."""

from pathlib import Path

from mmengine.config import Config

_REPO = Path(__file__).resolve().parents[1]


def make_tiny_config(sample_set: Path, folder: Path) -> Config:
    """A config of a very small TS-CAM on a small sample set, with its work directory in a folder; trains in seconds."""
    cfg = Config.fromfile(_REPO / 'configs' / 'tscam_vit-mini_sample.py')
    cfg.work_dir = str(folder / 'work_dir')
    cfg.experiment_name = folder.name  # mmengine wants another for every Runner of a process
    cfg.model.backbone.arch = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)
    cfg.model.backbone.init_cfg = None
    cfg.model.head.in_channels = 32
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.dataset.data_root = str(sample_set)
        loader.batch_size = 8
        loader.num_workers = 0
        loader.persistent_workers = False
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
    cfg.param_scheduler = []
    cfg.default_hooks.logger.interval = 1
    cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    return cfg
