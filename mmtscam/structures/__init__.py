"""The sample that models, data sets and metrics exchange, and the kinds of map in it."""

from .loc_data_sample import LocDataSample
from .map_kind import MapKind

__all__ = ['LocDataSample', 'MapKind']
