"""ResNet for CAM."""

from mmpretrain.models.backbones import ResNet

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS


@MODELS.register_module()
class CAMResNet(PretrainedMixin, ResNet):
    """mmpretrain's ``ResNet``, whose pretrained weights are loaded wholly or not at all.

    mmpretrain's own would go on with a warning, and random weights, where a
    file does not fit. Torchvision's files have the same names.
    """
