"""Data transforms: fast loading, Hide-and-Seek, views for test-time augmentation, and packing into samples."""

from .hide_and_seek import HideAndSeek
from .load_resized_image import LoadResizedImage
from .loc_views import LocViews
from .pack_loc_inputs import PackLocInputs

__all__ = ['HideAndSeek', 'LoadResizedImage', 'LocViews', 'PackLocInputs']
