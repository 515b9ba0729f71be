"""The sample that models, data sets and metrics exchange, and the kinds of map in it."""

from .loc_data_sample import LocDataSample
from .map_kind import RESERVED_NAMES, MapKind, is_kind_name

__all__ = ['RESERVED_NAMES', 'LocDataSample', 'MapKind', 'is_kind_name']
