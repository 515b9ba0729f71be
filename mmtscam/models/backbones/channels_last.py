"""The layout of memory in which convolutions are fast."""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor


class ChannelsLastMixin(BaseModule):
    """Convolutional backbones that keep the channels of a pixel side by side in memory on a CPU.

    The layout of the images passes on to all feature maps. Shapes, parameters
    and files are the same in both layouts, and numbers to rounding.

    Args:
        channels_last: Whether to do so. On other devices the layout stays as
            it is.
    """

    def __init__(self, *args: Any, channels_last: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if channels_last:
            self.register_forward_pre_hook(_to_channels_last)


def _to_channels_last(backbone: BaseModule, inputs: tuple[Tensor]) -> tuple[Tensor]:
    (images,) = inputs
    return (images.contiguous(memory_format=torch.channels_last) if images.device.type == 'cpu' else images,)
