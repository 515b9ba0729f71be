"""Data sets, readers of boxes and masks, samplers, transforms and the sample-set generator."""

import mmtscam.registry  # noqa: F401 - before mmpretrain, of which it leaves a part out

from .boxes import (
    BaseBoxReader,
    BenchmarkBoxes,
    COCOBoxes,
    CUBBoxes,
    ILSVRCBoxes,
    ILSVRCCSVBoxes,
    MaskBoxes,
    VOCBoxes,
)
from .masks import BaseMaskReader, COCOMasks, MaskImages, OpenImagesMasks
from .sample_set import SAMPLE_CLASSES, make_sample_set
from .samplers import ClassPairSampler
from .transforms import LoadResizedImage, PackLocInputs
from .wsol_benchmark import WSOLBenchmark
from .wsol_dataset import WSOLDataset

__all__ = [
    'SAMPLE_CLASSES',
    'BaseBoxReader',
    'BaseMaskReader',
    'BenchmarkBoxes',
    'COCOBoxes',
    'COCOMasks',
    'CUBBoxes',
    'ClassPairSampler',
    'ILSVRCBoxes',
    'ILSVRCCSVBoxes',
    'LoadResizedImage',
    'MaskBoxes',
    'MaskImages',
    'OpenImagesMasks',
    'PackLocInputs',
    'VOCBoxes',
    'WSOLBenchmark',
    'WSOLDataset',
    'make_sample_set',
]
