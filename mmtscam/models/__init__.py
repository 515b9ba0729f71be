"""Backbones, necks, heads, refinements of maps, and test-time augmentation."""

from . import backbones, heads, necks, refinements, tta
from .backbones import *  # noqa: F403
from .heads import *  # noqa: F403
from .necks import *  # noqa: F403
from .refinements import *  # noqa: F403
from .tta import *  # noqa: F403

__all__ = [*backbones.__all__, *heads.__all__, *necks.__all__, *refinements.__all__, *tta.__all__]
