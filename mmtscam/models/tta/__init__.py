"""Test-time augmentation."""

from .loc_tta_model import LocTTAModel

__all__ = ['LocTTAModel']
