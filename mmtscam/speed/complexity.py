"""Parameters and multiply-accumulates of a model."""

import copy
from functools import partial

from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor

from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.heads import TSCAMHead
from mmtscam.models.layers import expose_class_attention
from mmtscam.registry import MODELS


def model_complexity(cfg: Config, input_size: tuple[int, int]) -> dict[str, int]:
    """Count a config's parameters and MACs with mmengine's counter.

    TS-CAM is counted as the paper writes it, with attention matrices and with
    semantic maps of all classes, whatever computes it here.

    Args:
        cfg: A config with ``model``; its weights are not loaded.
        input_size: ``(height, width)`` of the input in pixels.

    Returns:
        ``params`` and ``macs``, for one image.
    """
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    # The training mode is the network itself, without maps and boxes.
    model = MODELS.build(copy.deepcopy(cfg.model)).train()  # building fills in the config
    for module in model.modules():
        if isinstance(module, MultiheadAttention):
            expose_class_attention(module, 'explicit')  # the counter does not know the fused one
    if isinstance(model.head, TSCAMHead):
        model.head.forward = partial(_logits_of_maps, model.head)  # type: ignore[method-assign]
    info = get_model_complexity_info(model, (3, *input_size), show_table=False, show_arch=False)
    return {'params': int(info['params']), 'macs': int(info['flops'])}


def _logits_of_maps(head: TSCAMHead, feats: TokenFeatures) -> Tensor:
    """The head's logits as in Eqs. 3 and 4."""
    logits = head.semantic_maps(feats).mean(dim=(2, 3))
    return logits if head.fc is None else logits + head.fc(feats.pooled)
