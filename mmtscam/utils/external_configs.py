"""Lets configs of other projects inherit ours: ``_base_ = 'mmtscam::...'``.

The text after ``mmtscam::`` is a path in ``configs/``, which is installed
within the package as ``.mim/configs``. mmengine demands a folder in the name,
so a config in ``configs/`` itself is reached through a folder::

    _base_ = 'mmtscam::_base_/models/tscam_deit-s.py'
    _base_ = 'mmtscam::_base_/../tscam_deit-s_cub.py'

The same names work with ``mmengine.hub.get_config``. :mod:`mmtscam.registry`
has to be imported before such a config is read; our tools do so, and so does
``import mmtscam`` where mmengine was imported first.
"""

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE

from mmtscam import version


def allow_inheritance() -> None:
    """Add mmtscam to the packages whose configs mmengine looks up.

    mmengine knows only its own siblings and refuses every other name before
    ``::``. The value stands for the package's folder: mmengine takes the
    location of a distribution of that name, or else the folder of a module.
    Here the value names a module, because an editable install's location is
    not the package's folder.
    """
    MODULE2PACKAGE['mmtscam'] = version.__name__


def drop_function_scopes(cfg: Config) -> None:
    """Remove ``_scope_``, which inheriting adds, from the functions of data loaders.

    mmengine adds ``_scope_`` to everything with a ``type`` in an inherited
    config. Registries remove it as they build. A loader's ``collate_fn`` and
    ``worker_init_fn``, however, are called with all fields of their config.

    Args:
        cfg: The Runner's config; changed in place.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name) or {}
        for function in ('collate_fn', 'worker_init_fn'):
            if isinstance(loader.get(function), dict):
                loader[function].pop('_scope_', None)
