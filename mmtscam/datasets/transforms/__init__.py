"""Data transforms."""

from .pack_loc_inputs import PackLocInputs

__all__ = ['PackLocInputs']
