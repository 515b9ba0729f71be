"""Backbones that expose class attention."""

from .tscam_deit import TSCAMDeiT

__all__ = ['TSCAMDeiT']
