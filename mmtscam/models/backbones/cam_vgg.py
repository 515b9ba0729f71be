"""VGG for CAM."""

from typing import Any

from mmpretrain.models.backbones import VGG

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS

from .channels_last import ChannelsLastMixin


@MODELS.register_module()
class CAMVGG(ChannelsLastMixin, PretrainedMixin, VGG):
    """mmpretrain's ``VGG``, whose pretrained weights are loaded wholly or not at all.

    Where a file does not fit, mmpretrain's own class goes on with a warning
    and random weights. A whole classifier, with ``num_classes``, computes in
    PyTorch's default layout.
    """

    def __init__(self, *args: Any, num_classes: int = -1, channels_last: bool = True, **kwargs: Any) -> None:
        # mmpretrain's linear layers view the last feature map as a vector, which channels last does not allow.
        super().__init__(*args, num_classes=num_classes, channels_last=channels_last and num_classes < 1, **kwargs)
