"""Backbones, necks, heads, classifiers, refinements of maps, and test-time augmentation."""

import mmtscam.registry  # noqa: F401 - before mmpretrain, of which it leaves a part out

from . import backbones, classifiers, heads, necks, refinements, tta
from .backbones import *  # noqa: F403
from .classifiers import *  # noqa: F403
from .heads import *  # noqa: F403
from .necks import *  # noqa: F403
from .refinements import *  # noqa: F403
from .tta import *  # noqa: F403

__all__ = [
    *backbones.__all__, *classifiers.__all__, *heads.__all__, *necks.__all__, *refinements.__all__, *tta.__all__,
]  # fmt: skip
