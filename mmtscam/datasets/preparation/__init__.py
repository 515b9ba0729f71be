"""Checks of data sets before the first training: what is there, what is missing."""

from .cli import conclude, naming_source, show_progress
from .cub import CUB_COUNTS, check_cub
from .findings import Findings
from .ilsvrc import ILSVRC_COUNTS, check_ilsvrc
from .image_folders import check_image_folders
from .open_images import OPEN_IMAGES_COUNTS, check_open_images

__all__ = [
    'CUB_COUNTS',
    'ILSVRC_COUNTS',
    'OPEN_IMAGES_COUNTS',
    'Findings',
    'check_cub',
    'check_ilsvrc',
    'check_image_folders',
    'check_open_images',
    'conclude',
    'naming_source',
    'show_progress',
]
