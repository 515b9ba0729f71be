"""What users call."""

from .baselines import constant_box_baselines
from .complexity import model_complexity
from .evaluation import check_disjoint, evaluate_maps, sweeps_for, swept_metrics
from .inferencer import LocInferencer

__all__ = [
    'LocInferencer',
    'check_disjoint',
    'constant_box_baselines',
    'evaluate_maps',
    'model_complexity',
    'sweeps_for',
    'swept_metrics',
]
