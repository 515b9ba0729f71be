"""What the configs of data loaders need."""

from mmengine.config import Config


def end_idle_persistence(cfg: Config) -> None:
    """Let loaders without workers pass: PyTorch refuses to have none that persist.

    So ``train_dataloader.num_workers=0`` alone is enough.

    Args:
        cfg: Config of a Runner; changed in place.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, dict) and loader.get('persistent_workers') and not loader.get('num_workers'):
            loader['persistent_workers'] = False
