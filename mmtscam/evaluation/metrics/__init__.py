"""Metrics."""

from .base_loc_metric import BaseLocMetric
from .base_sum_metric import BaseSumMetric
from .loc_accuracy import LocAccuracy
from .max_box_acc import MaxBoxAcc
from .pixel_ap import PixelAP

__all__ = ['BaseLocMetric', 'BaseSumMetric', 'LocAccuracy', 'MaxBoxAcc', 'PixelAP']
