"""What users call."""

from .baselines import constant_box_baselines
from .complexity import model_complexity

__all__ = ['constant_box_baselines', 'model_complexity']
