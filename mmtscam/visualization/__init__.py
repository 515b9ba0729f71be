"""Pictures of localization."""

from .files import write_picture
from .loc_visualizer import LocVisualizer
from .panels import draw_panels

__all__ = ['LocVisualizer', 'draw_panels', 'write_picture']
