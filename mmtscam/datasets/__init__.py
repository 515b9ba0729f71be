"""Data sets, box readers, transforms and the sample-set generator."""

from .boxes import BaseBoxReader, CUBBoxes
from .sample_set import SAMPLE_CLASSES, make_sample_set
from .transforms import PackLocInputs
from .wsol_dataset import WSOLDataset

__all__ = ['SAMPLE_CLASSES', 'BaseBoxReader', 'CUBBoxes', 'PackLocInputs', 'WSOLDataset', 'make_sample_set']
