"""The sample in which models, datasets and metrics meet."""

from .loc_data_sample import LocDataSample
from .map_kind import MapKind

__all__ = ['LocDataSample', 'MapKind']
