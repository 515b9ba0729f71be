"""Backbones: transformers that expose class attention, and networks for CAM."""

from .adl_backbone import adl_backbone
from .cam_resnet import CAMResNet
from .cam_vgg import CAMVGG
from .eil_backbone import eil_backbone
from .lctr_deit import LCTRDeiT
from .sat_deit import SATDeiT
from .token_features import TokenFeatures
from .truncated_backbone import TruncatedBackbone
from .tscam_conformer import TSCAMConformer
from .tscam_deit import TSCAMDeiT

__all__ = [
    'CAMVGG',
    'CAMResNet',
    'LCTRDeiT',
    'SATDeiT',
    'TSCAMConformer',
    'TSCAMDeiT',
    'TokenFeatures',
    'TruncatedBackbone',
    'adl_backbone',
    'eil_backbone',
]
