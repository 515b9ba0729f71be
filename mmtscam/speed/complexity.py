"""Parameters and multiply-accumulates of a model."""

import copy
from functools import partial
from typing import Any

from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.models.heads import BaseLocHead
from mmtscam.models.layers import ClassAttention, expose_class_attention
from mmtscam.models.refinements import BaseGradientMap
from mmtscam.registry import MODELS


def model_complexity(cfg: Config, input_size: tuple[int, int]) -> dict[str, int]:
    """Count a config's parameters and MACs with mmengine's counter.

    A model is counted as papers describe it, with attention matrices and with
    maps of all classes, however this package computes it. Backward passes, for
    maps from gradients, are not counted.

    Args:
        cfg: A config with ``model``; its weights are not loaded.
        input_size: ``(height, width)`` of the input in pixels.

    Returns:
        ``params`` and ``macs``, for one image.
    """
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    model = MODELS.build(copy.deepcopy(cfg.model)).eval()  # building fills in the config
    for module in model.modules():
        # The counter does not know the fused kernel.
        if isinstance(module, ClassAttention):
            module.impl = 'explicit'
        elif isinstance(module, MultiheadAttention) and not isinstance(module.scaled_dot_product_attention, nn.Module):
            expose_class_attention(module, 'explicit')
    if isinstance(model.head, BaseLocHead):
        model.head.forward = partial(_all_maps, model.head)  # type: ignore[method-assign, assignment]
    info = get_model_complexity_info(model, (3, *input_size), show_table=False, show_arch=False)
    return {'params': int(info['params']), 'macs': int(info['flops'])}


def _all_maps(head: BaseLocHead, feats: Any) -> tuple[Tensor, ...]:
    """Logits, and the maps of all classes."""
    prepared = head.prepare(feats)
    gradients = isinstance(head.refine, BaseGradientMap)
    maps = head.maps(prepared) if gradients else head.all_maps(feats, prepared)
    return head.logits(prepared), *maps.values()
