"""Hooks."""

from .epoch_seed_hook import EpochSeedHook
from .label_check_hook import LabelCheckHook
from .loc_visualization_hook import LocVisualizationHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = ['EpochSeedHook', 'LabelCheckHook', 'LocVisualizationHook', 'StrictCheckpointHook']
