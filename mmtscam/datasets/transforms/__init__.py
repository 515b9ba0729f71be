"""Data transforms."""

from .hide_and_seek import HideAndSeek
from .pack_loc_inputs import PackLocInputs

__all__ = ['HideAndSeek', 'PackLocInputs']
