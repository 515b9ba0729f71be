"""The similarity of a block's patch tokens (Figure 8)."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmtscam.visualization.drawing import COLOUR_MAP

from .panel import Panel, draw_panel
from .style import STYLE, WIDTH, literal, new_figure, with_minus

_MOST_COLUMNS = 5
_MOST_TOKENS = 4096


def token_similarity(tokens: np.ndarray) -> np.ndarray:
    """Cosine similarity of every two tokens.

    Args:
        tokens: ``(N, D)`` float array.

    Returns:
        ``(N, N)`` ``float64`` array in [-1, 1]; 0 where a token is zero.

    Raises:
        ValueError: If the matrix would be too large.

    Examples:
        >>> token_similarity(np.array([[3.0, 4.0], [4.0, 3.0]])).round(2).tolist()
        [[1.0, 0.96], [0.96, 1.0]]
    """
    if len(tokens) > _MOST_TOKENS:
        raise ValueError(f'a matrix of {len(tokens):,} tokens is too large to show: take a block with fewer')
    tokens = np.asarray(tokens, np.float64)
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    directions = np.divide(tokens, lengths, out=np.zeros_like(tokens), where=lengths > 0)
    return np.clip(directions @ directions.T, -1, 1)


def mean_similarity(similarity: np.ndarray) -> float:
    """Mean over all pairs of different tokens; NaN where there is only one token.

    Args:
        similarity: ``(N, N)`` result of :func:`token_similarity`.
    """
    count = len(similarity)
    return float((similarity.sum() - np.trace(similarity)) / (count * (count - 1))) if count > 1 else math.nan


@rc_context(STYLE)
def plot_similarity(image: np.ndarray, similarities: Mapping[str, np.ndarray]) -> Figure:
    """Draw the similarity matrices of some blocks on one scale.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        similarities: Name of a block to the ``(N, N)`` similarity of its
            tokens; N may differ.

    Returns:
        The figure; titles have the mean over pairs of different tokens.

    Raises:
        ValueError: If there is no matrix.
    """
    if not similarities:
        raise ValueError('needs the similarity matrix of one block at least')
    rows = math.ceil((1 + len(similarities)) / _MOST_COLUMNS)
    columns = math.ceil((1 + len(similarities)) / rows)
    width = min(2.2, (WIDTH - 0.5) / columns)
    figure = new_figure(rows * (width + 0.35), width * columns + 0.5)
    places = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    draw_panel(places[0], Panel(image), 'image')
    # All matrices have one scale. It begins at the least similar pair, rounded down to tenths.
    lowest = math.floor(10 * min(0.9, *(matrix.min() for matrix in similarities.values()))) / 10
    picture = None
    for place, (name, matrix) in zip(places[1:], similarities.items(), strict=False):
        mean = with_minus(f'{mean_similarity(matrix):.2f}')
        picture = place.imshow(matrix, cmap=COLOUR_MAP, vmin=lowest, vmax=1, interpolation='nearest')
        place.set_title(f'{literal(name)}\nmean {mean}', pad=3)
        place.set_xlabel('patch token', labelpad=1)
        for axis in (place.xaxis, place.yaxis):
            axis.set_major_locator(MaxNLocator(3, integer=True))
        place.tick_params(length=2, pad=1.5)
    for place in places[1 + len(similarities) :]:
        place.set_axis_off()
    assert picture is not None
    bar = figure.colorbar(picture, ax=places, location='right', aspect=25, pad=0.01, fraction=0.05, shrink=0.9)
    bar.set_label('cosine similarity')
    bar.outline.set_visible(False)
    return figure
