"""Metrics."""

from .loc_accuracy import LocAccuracy

__all__ = ['LocAccuracy']
