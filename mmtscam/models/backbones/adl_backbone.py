"""Attention-based dropout in any convolutional backbone."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mmtscam.models.layers import erase_attended
from mmtscam.registry import MODELS

from .hooked_layers import find_layers


@MODELS.register_module('ADLBackbone')
def adl_backbone(backbone: dict, layers: Sequence[str], drop_rate: float = 0.75, threshold: float = 0.9) -> nn.Module:
    """Build a backbone and apply attention-based dropout (ADL) to some of its layers while it trains.

    The backbone keeps its class and the names of its parameters. ADL does
    nothing in evaluation, so a checkpoint can be tested without it.

    Reference: Choe and Shim, "Attention-based Dropout Layer for Weakly
    Supervised Object Localization", CVPR 2019, Section 3. The defaults are
    those of the benchmark of Choe et al., CVPR 2020.

    Args:
        backbone: Config of the backbone.
        layers: Names of the submodules whose outputs ADL is applied to.
        drop_rate: See :func:`attention_dropout`.
        threshold: See :func:`attention_dropout`.

    Returns:
        The backbone.

    Raises:
        ValueError: If a submodule is not there, or a number is not in [0, 1].
    """
    if not (0 <= drop_rate <= 1 and 0 <= threshold <= 1):
        raise ValueError(f'drop_rate and threshold must be in [0, 1], got {drop_rate} and {threshold}')
    model = MODELS.build(backbone)
    for layer in find_layers(model, layers):
        layer.register_forward_hook(partial(_drop_in_training, drop_rate=drop_rate, threshold=threshold))
    return model


def attention_dropout(features: Tensor, drop_rate: float, threshold: float) -> Tensor:
    """Hide the most attended region, or highlight it.

    Attention is the mean over channels. With probability ``drop_rate``, drawn
    once for the batch, features are zeroed where attention is at least
    ``threshold`` times its maximum over the image. Otherwise features are
    multiplied with the sigmoid of attention.

    Args:
        features: ``(B, D, h, w)`` feature map.
        drop_rate: Probability of hiding, in [0, 1].
        threshold: Share of the maximum, in [0, 1].

    Returns:
        ``(B, D, h, w)`` tensor.
    """
    if torch.rand(()) < drop_rate:
        return erase_attended(features, threshold)
    return features * features.mean(dim=1, keepdim=True).sigmoid()


def _drop_in_training(
    layer: nn.Module, inputs: tuple, features: Tensor, drop_rate: float, threshold: float
) -> Tensor | None:
    return attention_dropout(features, drop_rate, threshold) if layer.training else None
