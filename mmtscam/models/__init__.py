"""Backbones, necks, heads, and test-time augmentation."""

from . import backbones, heads, necks, tta
from .backbones import *  # noqa: F403
from .heads import *  # noqa: F403
from .necks import *  # noqa: F403
from .tta import *  # noqa: F403

__all__ = [*backbones.__all__, *heads.__all__, *necks.__all__, *tta.__all__]
