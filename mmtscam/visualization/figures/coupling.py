"""The coupling, step by step (Figure 6)."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .grid import draw_grid
from .panel import Panel
from .style import STYLE, literal, with_minus

TITLES = ('image', 'attention $A_*$', 'semantic map $S_c$', 'coupled map $M_c$', 'box')
# Signs of the operations between a column and the next one.
_SIGNS = ('', '⊗', '=', '→')


@rc_context(STYLE)
def plot_coupling(
    image: np.ndarray,
    attention: np.ndarray,
    semantic: np.ndarray,
    boxes: Sequence[np.ndarray],
    titles: Sequence[str],
    true_boxes: np.ndarray | Sequence[Sequence[float]] = (),
) -> Figure:
    """Draw image, A*, semantic map, their product and its box, a class a row.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        attention: ``(h, w)`` attention A*.
        semantic: ``(k, h, w)`` semantic maps S_c of k classes.
        boxes: For each class the ``(n, 4)`` boxes of its coupled map, in the
            image's pixels.
        titles: Names of the classes.
        true_boxes: ``(m, 4)`` true boxes in the image's pixels.

    Returns:
        The figure. Below each map stand its lowest and highest value. Its
        axes are the panels, row by row, then the key's.

    Raises:
        ValueError: If there is no class, or the numbers of maps, boxes and
            titles differ.
    """
    if not len(titles) == len(boxes) == len(semantic) > 0:
        raise ValueError(
            f'a coupling needs a map, boxes and a title for each of one or more classes, '
            f'got {len(semantic)}, {len(boxes)} and {len(titles)}'
        )
    rows = []
    for semantic_map, found in zip(semantic, boxes, strict=True):
        maps = [attention, semantic_map, attention * semantic_map]  # Eq. 7
        rows.append(
            [
                Panel(image),
                *(Panel(image, score_map, caption=_value_range(score_map)) for score_map in maps),
                Panel(image, boxes=found, true_boxes=true_boxes),
            ]
        )
    return draw_grid(rows, [TITLES], [literal(title) for title in titles], gap=0.17, signs=_SIGNS)


def _value_range(score_map: np.ndarray) -> str:
    return with_minus(f'{score_map.min():.2g} to {score_map.max():.2g}')
