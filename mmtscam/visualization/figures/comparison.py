"""Image and maps side by side (Figures 1 and 4)."""

from collections.abc import Sequence
from dataclasses import replace

from matplotlib import rc_context
from matplotlib.figure import Figure

from .grid import draw_grid
from .panel import Panel
from .style import STYLE, literal


@rc_context(STYLE)
def plot_comparison(rows: Sequence[Sequence[Panel]], titles: Sequence[str]) -> Figure:
    """Draw panels in rows and columns.

    Args:
        rows: A row for each image, with a panel for each column.
        titles: Titles of the columns.

    Returns:
        The figure. Its axes are the panels, row by row, then the key's.

    Raises:
        ValueError: If there is no panel, or not one for each title in every
            row.
    """
    if not rows or not titles or any(len(row) != len(titles) for row in rows):
        raise ValueError(
            f'a comparison needs a panel for each of {len(titles)} titles in every row, got rows of '
            f'{[len(row) for row in rows]}'
        )
    rows = [[replace(panel, caption=literal(panel.caption)) for panel in row] for row in rows]
    return draw_grid(rows, [[literal(title) for title in titles]])
