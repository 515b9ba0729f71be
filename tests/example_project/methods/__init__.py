"""Parts of our own; a config imports this package with ``custom_imports``."""

from .calibrated_head import CalibratedHead
from .foreground_head import ForegroundHead
from .listed_images import ListedImages
from .mean_iou import MeanIoU
from .spatial_token import SpatialTokenDeiT

__all__ = ['CalibratedHead', 'ForegroundHead', 'ListedImages', 'MeanIoU', 'SpatialTokenDeiT']
