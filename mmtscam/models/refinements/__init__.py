"""Refinements: parts without parameters that make better maps for a head.

They compare its features with each other, or go back from class scores.
"""

from .base_gradient_map import BaseGradientMap
from .base_refinement import BaseRefinement, build_refinement
from .grab_cut import GrabCut
from .grad_cam import GradCAM
from .input_gradient import InputGradient
from .self_correlation import SelfCorrelation
from .self_enhancement import SelfEnhancement

__all__ = [
    'BaseGradientMap', 'BaseRefinement', 'GrabCut', 'GradCAM', 'InputGradient', 'SelfCorrelation', 'SelfEnhancement',
    'build_refinement',
]  # fmt: skip
