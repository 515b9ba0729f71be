"""Refinements: parts without parameters that make better maps from a head's maps and features."""

from .base_refinement import BaseRefinement, build_refinement
from .self_correlation import SelfCorrelation
from .self_enhancement import SelfEnhancement

__all__ = ['BaseRefinement', 'SelfCorrelation', 'SelfEnhancement', 'build_refinement']
