"""Loops over a data set."""

from .loc_test_loop import LocTestLoop
from .loc_val_loop import LocValLoop

__all__ = ['LocTestLoop', 'LocValLoop']
