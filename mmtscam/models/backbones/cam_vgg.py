"""VGG for CAM."""

from typing import Any

from mmpretrain.models.backbones import VGG
from torch import Tensor, nn

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS

from .channels_last import ChannelsLastMixin


@MODELS.register_module()
class CAMVGG(ChannelsLastMixin, PretrainedMixin, VGG):
    """mmpretrain's ``VGG``, whose pretrained weights are loaded wholly or not at all.

    Where a file does not fit, mmpretrain's own class goes on with a warning
    and random weights. Files of torchvision and timm are taken too. A whole
    classifier, with ``num_classes``, computes in PyTorch's default layout.
    """

    def __init__(self, *args: Any, num_classes: int = -1, channels_last: bool = True, **kwargs: Any) -> None:
        # mmpretrain's linear layers view the last feature map as a vector, which channels last does not allow.
        super().__init__(*args, num_classes=num_classes, channels_last=channels_last and num_classes < 1, **kwargs)
        if num_classes > 0:
            self.register_forward_pre_hook(_check_size)


def _check_size(_: nn.Module, inputs: tuple[Tensor]) -> None:
    """Refuse images for which the linear layers are not made."""
    height, width = inputs[0].shape[-2:]
    if (height // 32, width // 32) != (7, 7):
        raise ValueError(
            f'a whole VGG classifies images of 224x224, got {height}x{width}: set the scale of the pipeline, and leave '
            'larger views (--tta) out'
        )
