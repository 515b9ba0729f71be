"""Fonts and colours of all figures, and functions that make and write a figure."""

import os
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from mmtscam.utils.choices import FIGURE_ENDINGS
from mmtscam.utils.files import unfinished

WIDTH = 7.0  # inches, the width of a page of two columns
# The colours of Okabe and Ito, which colour-blind readers can tell apart too.
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000')
# Matplotlib's own font lacks the signs of these scripts; it falls back to the next font in the list.
_OTHER_SCRIPTS = (
    'Noto Sans CJK SC',
    'Noto Sans CJK JP',
    'Noto Sans CJK KR',
    'Source Han Sans SC',
    'WenQuanYi Zen Hei',
    'PingFang SC',
    'Hiragino Sans',
    'Microsoft YaHei',
)
_INSTALLED = {font.name for font in fontManager.ttflist}

STYLE: Any = {  # matplotlib's types want a literal name for each key
    'font.family': ['DejaVu Sans', *(name for name in _OTHER_SCRIPTS if name in _INSTALLED)],
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
    """Text in which matplotlib sees no formula."""
    return text.replace('$', r'\$')


def with_minus(number: str) -> str:
    """A number with the minus sign that matplotlib's axes have."""
    return number.replace('-', '\N{MINUS SIGN}')


def save_figure(figure: Figure, path: str | os.PathLike, dpi: int = 200) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: A figure of :mod:`mmtscam.visualization.figures`.
        path: The file. Its ending, one of :data:`~mmtscam.utils.choices.FIGURE_ENDINGS`, decides the format. Its
            folder is created.
        dpi: Resolution of ``.png``, and of the images in the others.

    Raises:
        ValueError: If the file has another ending.
        OSError: If the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in FIGURE_ENDINGS:
        raise ValueError(f'{path}: the name of a figure must end in {", ".join(FIGURE_ENDINGS)}')
    if Path(path).is_dir():
        raise IsADirectoryError(f'{path}: is a folder; name a file to write')
    with rc_context(STYLE), unfinished(path) as temporary:
        figure.savefig(temporary, format=kind[1:], dpi=dpi, metadata=_METADATA[kind[1:]])
