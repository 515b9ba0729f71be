"""Pictures of localization: panels of predictions, the paper's figures and the HTML report."""

from .display import check_display
from .files import write_picture
from .loc_visualizer import LocVisualizer
from .mlflow_vis_backend import MLflowVisBackend
from .panels import draw_panels

__all__ = ['LocVisualizer', 'MLflowVisBackend', 'check_display', 'draw_panels', 'write_picture']
