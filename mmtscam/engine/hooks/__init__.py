"""Hooks."""

from .epoch_seed_hook import EpochSeedHook
from .label_range_hook import LabelRangeHook
from .loc_visualization_hook import LocVisualizationHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = ['EpochSeedHook', 'LabelRangeHook', 'LocVisualizationHook', 'StrictCheckpointHook']
