"""The test pipeline of a config, for images that are not in a data set."""

import copy
from typing import Any

from mmengine.config import Config

from mmtscam.utils.config import config_name, type_name
from mmtscam.utils.images import pipeline_of
from mmtscam.utils.views import load_then_resize

_LOADERS = ('LoadImageFromFile', 'LoadResizedImage')


def find_pipeline(cfg: Config) -> list[dict[str, Any]]:
    """The steps of a config's test pipeline.

    Args:
        cfg: The config.

    Returns:
        Copies of their configs, one at least.

    Raises:
        ValueError: If there is none.
    """
    steps = pipeline_of((cfg.get('test_dataloader') or {}).get('dataset') or {})
    if not steps:
        raise ValueError(f'{config_name(cfg)}: has no pipeline for an image: set test_dataloader.dataset.pipeline')
    return copy.deepcopy(list(steps))


def image_pipeline(cfg: Config) -> list[dict[str, Any]]:
    """The steps of a config's test pipeline for an image that is read already.

    The steps expect the keys of a loader: ``img`` (H, W, 3) ``uint8`` BGR,
    ``img_shape`` and ``ori_shape`` (height, width).

    Args:
        cfg: The config.

    Returns:
        Configs of the steps after the loader. A loader that also resizes is
        replaced by a ``Resize`` that gives the same pixels.

    Raises:
        ValueError: If there is no pipeline, or its first step is no loader that
            is known.
    """
    loader, *_ = steps = find_pipeline(cfg)
    kind = type_name(loader['type'])
    if kind not in _LOADERS:
        raise ValueError(
            f'{config_name(cfg)}: its test pipeline must begin with {" or ".join(_LOADERS)}, not with {kind}: '
            'change test_dataloader.dataset.pipeline'
        )
    return load_then_resize(steps)[1:]
