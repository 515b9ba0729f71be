"""Reading configs from files and checkpoints."""

import copy
import inspect
import os
import os.path as osp
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import Registry

from mmtscam.registry import MODELS  # a config may inherit one of ours

from .plain_config import plain_config
from .safe_loading import check_archive

# Endings of the files that mmengine reads.
_ENDINGS = ('.py', '.json', '.yaml', '.yml')


def config_name(cfg: Config) -> str:
    """Name of a config for messages: its file, or ``the config``."""
    return getattr(cfg, 'filename', None) or 'the config'


def type_name(kind: Any) -> str:
    """Name of the class that a part of a config names as its ``type``, without scope or module; or of a class."""
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def type_class(kind: Any, registry: Registry) -> Any:
    """The class or function that a part of a config names as its ``type``; ``None`` where there is none.

    A new-style config holds the class itself, which no registry looks up.
    """
    return registry.get(kind) if isinstance(kind, str) else kind


def patch_step(cfg: Config) -> int | None:
    """Pixels from one patch of a config's backbone to the next; ``None`` where it has no patches of one size.

    Where the config does not set it, the backbone's class does.
    """
    backbone = cfg.model.get('backbone') or {}
    kind = type_class(backbone['type'], MODELS) if 'type' in backbone else None
    bases = getattr(kind, '__mro__', ())
    own = [inspect.signature(base.__init__).parameters.get('patch_size') for base in bases if '__init__' in vars(base)]
    default = next((each.default for each in own if each), None)
    step = (backbone.get('patch_cfg') or {}).get('stride', backbone.get('patch_size', default))
    return step if isinstance(step, int) else None


def read_config(config: str | os.PathLike | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read a config and merge settings into it.

    Args:
        config: A file, or a config, which is copied.
        cfg_options: Settings to override.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no config, by the ending of its name, or cannot
            be read, or an option puts a number in place of a dict.
    """
    name = config_name(config) if isinstance(config, Config) else os.fspath(config)
    if not isinstance(config, Config) and not osp.isfile(config):
        raise FileNotFoundError(f'{name}: config file not found')
    if not isinstance(config, Config) and osp.splitext(config)[1] not in _ENDINGS:
        raise ValueError(f'{name}: is no config ({", ".join(_ENDINGS)}): were CONFIG and CHECKPOINT swapped?')
    try:
        cfg = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
        options = dict(cfg_options or {})
        replaced = [key for key, value in options.items() if isinstance(value, int | float) and _holds_parts(cfg, key)]
        cfg.merge_from_dict(options)
    except Exception as error:  # whatever a config, which is a program, may raise
        raise ValueError(f'{name}: cannot be read: {error}') from error
    if replaced:
        key = replaced[0]
        raise ValueError(f'{key}={options[key]} would take the place of a part of the config: set {key}.SETTING=VALUE')
    return cfg


def _holds_parts(cfg: Config, key: str) -> bool:
    """Whether a setting, named as ``a.b``, is a dict, or a list of dicts."""
    found: Any = cfg
    for step in key.split('.'):
        if not isinstance(found, Mapping | Config) or step not in found:
            return False
        found = found[step]
    return isinstance(found, dict) or (
        isinstance(found, list | tuple) and any(isinstance(each, dict) for each in found)
    )


def checkpoint_config(checkpoint: str | os.PathLike) -> Config:
    """The config with which a checkpoint was trained, which mmengine writes into it.

    It is read as data, see :func:`~.plain_config.plain_config`. The parts that
    it names are built with the settings that it gives them: name a config of
    your own for checkpoints from makers that you do not trust.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, holds no config, or one that has
            more than plain values and registered parts.
    """
    if '://' in os.fspath(checkpoint):
        raise ValueError(f'{checkpoint}: name the config too, for the one within is taken from local files alone')
    if not osp.isfile(checkpoint):
        raise FileNotFoundError(f'{checkpoint}: checkpoint not found')
    try:
        check_archive(checkpoint)
        content = torch.load(checkpoint, map_location='cpu', weights_only=True, mmap=True)
        hub, meta = content.get('message_hub') or {}, content.get('meta') or {}
        text = hub.get('runtime_info', {}).get('cfg') or meta.get('cfg')
        cfg = plain_config(text) if text else None
    except Exception as error:  # the file may be no checkpoint, or its config unreadable
        raise ValueError(f'{checkpoint}: no config can be read from it: {error}') from error
    if cfg is None:
        raise ValueError(f'{checkpoint}: holds no config: name one')
    return cfg
