"""ResNet for CAM."""

from mmpretrain.models.backbones import ResNet

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS

from .channels_last import ChannelsLastMixin


@MODELS.register_module()
class CAMResNet(ChannelsLastMixin, PretrainedMixin, ResNet):
    """mmpretrain's ``ResNet``, whose pretrained weights are loaded wholly or not at all.

    Where a file does not fit, mmpretrain's own class goes on with a warning
    and random weights. Torchvision's files have the same names of parameters.
    """
