"""Classifiers beside mmpretrain's own."""

from .gc_net import GCNet
from .gradient_classifier import GradientClassifier

__all__ = ['GCNet', 'GradientClassifier']
