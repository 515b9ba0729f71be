"""Backbones: transformers that expose class attention, and networks for CAM."""

from .tscam_conformer import TSCAMConformer
from .tscam_deit import TSCAMDeiT

__all__ = ['TSCAMConformer', 'TSCAMDeiT']
