"""Fonts and colours of all figures, and functions that make and write a figure."""

import os
import warnings
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry
from matplotlib.text import Text

from mmtscam.utils.choices import FIGURE_ENDINGS
from mmtscam.utils.files import check_writable, unfinished
from mmtscam.utils.printable import printable
from mmtscam.visualization.fonts import DEFAULT_FONT, fonts_for, has_truetype_outlines

WIDTH = 7.0  # inches, the width of a page of two columns
# The colours of Okabe and Ito, which colour-blind readers can tell apart too.
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000')

STYLE: Any = {  # matplotlib's types want a literal name for each key
    'font.family': [DEFAULT_FONT.name],
    'font.size': 8,
    'axes.titlesize': 8,
    'axes.labelsize': 8,
    'xtick.labelsize': 7,
    'ytick.labelsize': 7,
    'legend.fontsize': 7.5,
    'axes.linewidth': 0.6,
    # Text stays text: it can be searched, and edited with the paper's fonts.
    'pdf.fonttype': 42,
    'svg.fonttype': 'none',
    'svg.hashsalt': 'mmtscam',
}
# A figure made twice is the same file.
_METADATA: dict[str, dict[str, Any]] = {'pdf': {'CreationDate': None}, 'svg': {'Date': None}, 'png': {}}


def new_figure(height: float, width: float = WIDTH, layout: Literal['constrained'] | None = 'constrained') -> Figure:
    """Make an empty figure with a size in inches; its parts arrange themselves unless ``layout`` is ``None``."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def literal(text: str) -> str:
    """Text in which matplotlib sees no formula, and SVG no character that it does not know."""
    return '\n'.join(map(printable, text.split('\n'))).replace('$', r'\$')


def with_minus(number: str) -> str:
    """A number with the minus sign that matplotlib's axes have."""
    return number.replace('-', '\N{MINUS SIGN}')


def set_fonts(figure: Figure, font: str | None = None) -> list[FontEntry]:
    """Give all text of a figure the fonts that its scripts need.

    Args:
        figure: A figure of matplotlib.
        font: The font to prefer; see :func:`~mmtscam.visualization.fonts.find_font`.

    Returns:
        The fonts.
    """
    texts = figure.findobj(Text)
    fonts = fonts_for('\n'.join(text.get_text() for text in texts), font)
    for text in texts:
        text.set_fontfamily([entry.name for entry in fonts])
    return fonts


def save_figure(figure: Figure, path: str | os.PathLike, dpi: int = 200, font: str | None = None) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: A figure of :mod:`mmtscam.visualization.figures`.
        path: The file. Its ending, one of :data:`~mmtscam.utils.choices.FIGURE_ENDINGS`, decides the format. Its
            folder is created.
        dpi: Resolution of ``.png``, and of the images in the others.
        font: The font to prefer, by name or file; letters that it lacks come
            from others.

    Raises:
        ValueError: If the file has another ending or is a folder, or there is
            no such font.
        OSError: If the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in FIGURE_ENDINGS:
        raise ValueError(f'{path}: the name of a figure must end in {", ".join(FIGURE_ENDINGS)}')
    check_writable(path)
    fonts = set_fonts(figure, font)
    # Type 42 holds TrueType outlines alone, but matplotlib would put others there too, which strict readers refuse.
    style = STYLE if all(map(has_truetype_outlines, fonts)) else {**STYLE, 'pdf.fonttype': 3}
    with rc_context(style), warnings.catch_warnings(), unfinished(path) as temporary:
        warnings.filterwarnings('ignore', r'Glyph \d+ .* missing')  # the log has said so
        figure.savefig(temporary, format=kind[1:], dpi=dpi, metadata=_METADATA[kind[1:]])
