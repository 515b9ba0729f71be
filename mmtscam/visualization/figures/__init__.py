"""The figures of the TS-CAM paper, drawn from arrays with matplotlib.

Reference: Gao et al., "TS-CAM", ICCV 2021, Figures 1 and 4 to 8.
"""

from .comparison import plot_comparison
from .coupling import plot_coupling
from .iou_curves import plot_iou_curves
from .layers import plot_layers
from .panel import Panel
from .similarity import plot_similarity, token_similarity
from .style import save_figure

__all__ = [
    'Panel',
    'plot_comparison',
    'plot_coupling',
    'plot_iou_curves',
    'plot_layers',
    'plot_similarity',
    'save_figure',
    'token_similarity',
]
