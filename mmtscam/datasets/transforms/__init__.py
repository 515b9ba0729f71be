"""Data transforms: fast loading, Hide-and-Seek, crops around boxes, views for test-time augmentation, packing."""

from .crop_around_box import CropAroundBox
from .hide_and_seek import HideAndSeek
from .load_image_from_file import LoadImageFromFile
from .load_resized_image import LoadResizedImage
from .loc_views import LocViews
from .pack_loc_inputs import PackLocInputs

__all__ = ['CropAroundBox', 'HideAndSeek', 'LoadImageFromFile', 'LoadResizedImage', 'LocViews', 'PackLocInputs']
