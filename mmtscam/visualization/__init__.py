"""Pictures of localization."""

from .loc_visualizer import LocVisualizer
from .panels import draw_panels

__all__ = ['LocVisualizer', 'draw_panels']
