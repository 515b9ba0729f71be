"""The sample in which models, datasets and metrics meet."""

from .loc_data_sample import LocDataSample

__all__ = ['LocDataSample']
