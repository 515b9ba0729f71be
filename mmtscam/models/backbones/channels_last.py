"""The layout of memory in which convolutions are fast."""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class ChannelsLastMixin(BaseModule):
    """Convolutional backbones that keep the channels of a pixel side by side in memory on a CPU.

    The layout of the images passes on to all feature maps. Shapes, parameters
    and files are the same in both layouts, and numbers to rounding.

    Args:
        channels_last: Whether to do so. The layout stays as it is on other
            devices, and in networks with very few channels.
    """

    def __init__(self, *args: Any, channels_last: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if channels_last:
            self.register_forward_pre_hook(_to_channels_last)


def _to_channels_last(backbone: BaseModule, inputs: tuple[Tensor]) -> tuple[Tensor]:
    (images,) = inputs
    if images.device.type != 'cpu' or _is_narrow(backbone):
        return (images,)
    return (images.contiguous(memory_format=torch.channels_last),)


def _is_narrow(backbone: BaseModule) -> bool:
    """Whether PyTorch may write beyond a gradient in this layout, as 2.11 does with AVX-512, and end the process."""
    return any(
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < 16
        for layer in backbone.modules()
    )
