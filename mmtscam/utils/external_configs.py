"""Lets configs of other projects inherit ours: ``_base_ = 'mmtscam::...'``.

What follows ``mmtscam::`` is a path in ``configs/``, which is installed
within the package as ``.mim/configs``. mmengine demands a folder in the name,
so that what lies in ``configs/`` itself is reached through one::

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

    mmengine knows its own siblings only and refuses every other name before
    ``::``. The value stands for the package's folder: mmengine takes the
    location of a distribution of that name, or else the folder of a module.
    A module is named here, because in an editable install the location is
    not where the package lies.
    """
    MODULE2PACKAGE['mmtscam'] = version.__name__


def drop_function_scopes(cfg: Config) -> None:
    """Remove what inheriting leaves in a data loader's functions and they do not take.

    mmengine marks whatever has a ``type`` in an inherited config with
    ``_scope_``. Registries take it out again as they build, but a loader's
    ``collate_fn`` and ``worker_init_fn`` are called with all that is in their
    config.

    Args:
        cfg: The Runner's config; changed in place.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name) or {}
        for function in ('collate_fn', 'worker_init_fn'):
            if isinstance(loader.get(function), dict):
                loader[function].pop('_scope_', None)
