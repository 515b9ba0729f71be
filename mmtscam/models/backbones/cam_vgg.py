"""VGG for CAM."""

from mmpretrain.models.backbones import VGG

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS

from .channels_last import ChannelsLastMixin


@MODELS.register_module()
class CAMVGG(ChannelsLastMixin, PretrainedMixin, VGG):
    """mmpretrain's ``VGG``, whose pretrained weights are loaded wholly or not at all.

    Where a file does not fit, mmpretrain's own class goes on with a warning
    and random weights.
    """
