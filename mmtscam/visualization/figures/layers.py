"""Class attention, block by block, and its mean (Figure 7)."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .grid import draw_grid
from .panel import Panel
from .style import STYLE

_MOST_COLUMNS = 7


@rc_context(STYLE)
def plot_layers(image: np.ndarray, attention: np.ndarray, blocks: Sequence[int] | None = None) -> Figure:
    """Draw the class attention of each block (Eq. 5) and its mean A* (Eq. 6).

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        attention: ``(L, h, w)`` class attention of L blocks.
        blocks: Numbers of the blocks in the titles; 1 to L by default.

    Returns:
        The figure: the image, L maps and their mean. Its axes are these
        panels in this order, then the key's.

    Raises:
        ValueError: If there is no map, or not a number for each.
    """
    blocks = range(1, len(attention) + 1) if blocks is None else blocks
    if len(attention) == 0 or len(blocks) != len(attention):
        raise ValueError(f'needs a number for each of one or more maps, got {len(blocks)} for {len(attention)}')
    titled = [('image', Panel(image))]
    titled += [(f'$A_*^{{{block}}}$', Panel(image, layer)) for block, layer in zip(blocks, attention, strict=True)]
    titled.append(('$A_*$ (mean)', Panel(image, attention.mean(axis=0))))

    columns = math.ceil(len(titled) / math.ceil(len(titled) / _MOST_COLUMNS))
    rows = [titled[start : start + columns] for start in range(0, len(titled), columns)]
    return draw_grid([[panel for _, panel in row] for row in rows], [[title for title, _ in row] for row in rows])
