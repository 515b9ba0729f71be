"""Hooks of training and evaluation: checks, seeding, the report, pictures and stored maps."""

from .epoch_seed_hook import EpochSeedHook
from .foreground_area_hook import ForegroundAreaHook
from .label_check_hook import LabelCheckHook
from .loc_report_hook import LocReportHook
from .loc_visualization_hook import LocVisualizationHook
from .save_maps_hook import SaveMapsHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = [
    'EpochSeedHook',
    'ForegroundAreaHook',
    'LabelCheckHook',
    'LocReportHook',
    'LocVisualizationHook',
    'SaveMapsHook',
    'StrictCheckpointHook',
]
