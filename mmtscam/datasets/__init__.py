"""Data sets, box readers, transforms and the sample-set generator."""

from .boxes import *  # noqa: F403
from .sample_set import SAMPLE_CLASSES, make_sample_set
from .transforms import *  # noqa: F403
from .wsol_dataset import WSOLDataset

__all__ = ['SAMPLE_CLASSES', 'WSOLDataset', 'make_sample_set']
