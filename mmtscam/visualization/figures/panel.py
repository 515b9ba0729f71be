"""One image in a figure, with a map over it and boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from mmtscam.localization import PROTOCOLS, normalize_map
from mmtscam.visualization.drawing import COLOUR_MAP, PREDICTED_COLOR, TRUE_COLOR

# Predicted and true boxes also differ by the style of their lines.
PREDICTED: dict[str, Any] = dict(edgecolor='#' + bytes(PREDICTED_COLOR).hex(), linestyle='-')
TRUE: dict[str, Any] = dict(edgecolor='#' + bytes(TRUE_COLOR).hex(), linestyle=(0, (3, 1.5)))
# A dark rim makes the line visible on any ground.
_LINE: dict[str, Any] = dict(linewidth=1.2, path_effects=[withStroke(linewidth=2.2, foreground='black')])
_OPACITY = 0.6
# The height of a line of the key, and the width from which the key takes one line, in inches.
_KEY_LINE = 0.22
_BOTH = 4.8


@dataclass(frozen=True, eq=False)
class Panel:
    """One image in a figure.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        score_map: ``(h, w)`` float map to lay over it, of any range; ``None``
            for the image alone.
        boxes: ``(n, 4)`` predicted boxes in the image's pixels.
        true_boxes: ``(m, 4)`` true boxes in the image's pixels.
        caption: Text below it.
    """

    image: np.ndarray
    score_map: np.ndarray | None = None
    boxes: np.ndarray | Sequence[Sequence[float]] = ()
    true_boxes: np.ndarray | Sequence[Sequence[float]] = ()
    caption: str = ''

    @property
    def aspect(self) -> float:
        """Height over width."""
        return self.image.shape[0] / self.image.shape[1]


def draw_panel(axes: Axes, panel: Panel, title: str = '', caption: str = '') -> None:
    """Draw a panel; the map is min-max normalised to [0, 1] first.

    Args:
        axes: Axes to draw into.
        panel: The panel.
        title: Text above it.
        caption: The panel's caption, broken into lines.
    """
    height, width = panel.image.shape[:2]
    # The extent is in the image's pixels, whose edges are whole numbers.
    extent = (0.0, float(width), float(height), 0.0)
    axes.imshow(panel.image, extent=extent)
    if panel.score_map is not None:
        level = normalize_map(panel.score_map, PROTOCOLS['tscam'])
        axes.imshow(level, cmap=COLOUR_MAP, vmin=0, vmax=1, alpha=_OPACITY, extent=extent)
    for boxes, style in ((panel.true_boxes, TRUE), (panel.boxes, PREDICTED)):
        for x1, y1, x2, y2 in np.asarray(boxes, np.float64).reshape(-1, 4).tolist():
            box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **_LINE, **style)
            box.set_clip_on(False)  # clipping would cut half of a line along the border
            axes.add_patch(box)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title, pad=3)
    axes.set_xlabel(caption, labelpad=2, fontsize=7)


def key_height(width: float, boxes: bool) -> float:
    """Height in inches that :func:`draw_panel_key` takes in a figure of some width, with boxes or without."""
    return 0.04 + _KEY_LINE * (2 if boxes and width < _BOTH else 1)


def draw_panel_key(figure: Figure, left: float, boxes: bool, true_boxes: bool) -> None:
    """Explain colours and lines at the bottom of a figure.

    Args:
        figure: The figure.
        left: Inches to the left of it.
        boxes: Whether there are predicted boxes.
        true_boxes: Whether there are true boxes.
    """
    width, height = figure.get_size_inches()
    middle = 0.11 / height
    figure.text(left / width, middle, 'lowest', va='center_baseline')
    place = figure.add_axes(((left + 0.42) / width, middle - 0.035 / height, 0.8 / width, 0.07 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOUR_MAP), cax=place, orientation='horizontal', ticks=[])
    bar.outline.set_visible(False)
    figure.text((left + 1.27) / width, middle, 'highest value of each map', va='center_baseline')
    drawn = [(PREDICTED, 'predicted box')] * boxes + [(TRUE, 'true box')] * true_boxes
    if drawn:
        lines = [Line2D([], [], color=style['edgecolor'], linestyle=style['linestyle'], **_LINE) for style, _ in drawn]
        # The lines are explained beside the colours, or above them where there is no room.
        corner = (1 - 0.04 / width, middle) if width >= _BOTH else (left / width, middle + _KEY_LINE / height)
        figure.legend(
            lines,
            [name for _, name in drawn],
            loc='center right' if width >= _BOTH else 'center left',
            bbox_to_anchor=corner,
            ncols=len(drawn),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=1.8,
            columnspacing=1.0,
        )
