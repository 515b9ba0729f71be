"""Data transforms: fast loading, Hide-and-Seek, and packing into samples."""

from .hide_and_seek import HideAndSeek
from .load_resized_image import LoadResizedImage
from .pack_loc_inputs import PackLocInputs

__all__ = ['HideAndSeek', 'LoadResizedImage', 'PackLocInputs']
