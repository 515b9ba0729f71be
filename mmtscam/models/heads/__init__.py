"""Heads that turn features into classes and boxes."""

from .acol_head import ACoLHead
from .base_loc_head import Activation, BaseLocHead
from .cam_head import CAMHead
from .class_token_head import ClassTokenHead
from .localize import localize
from .pending_samples import PendingSamples
from .spg_head import SPGHead
from .tscam_head import TSCAMHead

__all__ = [
    'ACoLHead',
    'Activation',
    'BaseLocHead',
    'CAMHead',
    'ClassTokenHead',
    'PendingSamples',
    'SPGHead',
    'TSCAMHead',
    'localize',
]
