"""Failures of one process of a distributed run, and how the others end."""

from .by_hand import fail_by_hand
from .by_torchrun import fail_under_torchrun
from .ground import Ground

__all__ = ['Ground', 'fail_by_hand', 'fail_under_torchrun']
