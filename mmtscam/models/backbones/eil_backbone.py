"""Erased streams of features in any convolutional backbone."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mmtscam.models.layers import erase_attended
from mmtscam.registry import MODELS

from .hooked_layers import find_layers


@MODELS.register_module('EILBackbone')
def eil_backbone(backbone: dict, layers: Sequence[str], threshold: float = 0.7) -> nn.Module:
    """Build a backbone that in training also passes on what is left when the most active part is erased.

    After each of ``layers`` the features of the images, with their most active
    part erased, are appended to the batch. All later layers then compute them
    too. A batch of B images leaves the backbone with (1 + L)B rows for L
    layers: those of the images first, then a stream of B rows for each layer,
    in the order of the network.
    :class:`~mmtscam.models.EILHead` takes them apart. One layer is EIL, several
    are MEIL. In evaluation nothing is appended. The backbone keeps its class
    and the names of its parameters.

    Without batch norm a stream is the same as in a pass of its own. With it,
    all streams share the statistics of each later layer, in the batch and in
    the running mean and variance.

    Reference: Mai et al., "Erasing Integrated Learning: A Simple yet Effective
    Approach for Weakly Supervised Object Localization", CVPR 2020. The
    threshold is that of the authors' code.

    Args:
        backbone: Config of the backbone.
        layers: Names of the submodules after which a stream is appended.
            Their outputs are at least 0.
        threshold: See :func:`~mmtscam.models.layers.erase_attended`; in
            (0, 1].

    Returns:
        The backbone.

    Raises:
        ValueError: If a submodule is not there, or the threshold is out of
            range.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f'threshold must be in (0, 1], got {threshold}')
    model = MODELS.build(backbone)
    # The number of images of the pass in training; empty in evaluation. A frozen layer is in
    # evaluation while the backbone trains, and a stream begins after it all the same.
    images: list[int] = []
    model.register_forward_pre_hook(partial(_count_images, images=images))
    for layer in find_layers(model, layers):
        layer.register_forward_hook(partial(_append_erased, images=images, threshold=threshold))
    return model


def _count_images(backbone: nn.Module, inputs: tuple[Tensor, ...], images: list[int]) -> None:
    images[:] = [inputs[0].shape[0]] if backbone.training else []


def _append_erased(
    layer: nn.Module, inputs: tuple, features: Tensor, images: list[int], threshold: float
) -> Tensor | None:
    return torch.cat([features, erase_attended(features[: images[0]], threshold)]) if images else None
