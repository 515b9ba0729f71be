"""Loops of validation and test, in which computing and scoring overlap."""

from .loc_test_loop import LocTestLoop
from .loc_val_loop import LocValLoop

__all__ = ['LocTestLoop', 'LocValLoop']
