"""Heads that turn features into classes and boxes."""

from .base_loc_head import Activation, BaseLocHead
from .cam_head import CAMHead
from .class_token_head import ClassTokenHead
from .tscam_head import TSCAMHead

__all__ = ['Activation', 'BaseLocHead', 'CAMHead', 'ClassTokenHead', 'TSCAMHead']
