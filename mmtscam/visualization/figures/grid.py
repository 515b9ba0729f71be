"""Panels in rows and columns, laid out in inches by the proportions of the images."""

import textwrap
from collections.abc import Sequence
from unicodedata import east_asian_width

from matplotlib.figure import Figure

from .panel import Panel, draw_panel, draw_panel_key, key_height
from .style import WIDTH, new_figure

# Lengths in inches; the first is the largest width of a panel.
_WIDEST = 1.7
_NARROWEST = 3.6
_LINE = 0.135
_LETTER = 0.062
_CAPTION_LETTER = 0.055
_MARGIN = 0.04
# Largest ratio of height to width. Higher images are drawn narrower than their column.
_HIGHEST = 1.25


def draw_grid(
    rows: Sequence[Sequence[Panel]],
    titles: Sequence[Sequence[str]],
    row_titles: Sequence[str] = (),
    gap: float = 0.05,
    signs: Sequence[str] = (),
) -> Figure:
    """Draw panels in rows and columns, with a key below.

    Args:
        rows: Rows of panels; the last one may be shorter.
        titles: Titles of the panels of the first rows. Rows after these have
            none.
        row_titles: Titles of the rows, at their left.
        gap: Inches between columns.
        signs: Signs in the gaps to the right of the columns.

    Returns:
        The figure. Its axes are the panels in their order, then the key's.
    """
    columns = len(rows[0])
    heights = [max(min(panel.aspect, _HIGHEST) for panel in row) for row in rows]
    left, width, beside = _wrap_row_titles(row_titles, heights, columns, gap)
    heights = [width * height for height in heights]
    above = [[_wrap(title, width) for title in row] for row in titles] + [[]] * (len(rows) - len(titles))
    below = [[_wrap(panel.caption, width, _CAPTION_LETTER) for panel in row] for row in rows]
    over = [_LINE * max(map(_lines, row), default=0) + 0.05 for row in above]
    under = [_LINE * max(map(_lines, row)) + (0.03 if any(row) else 0) for row in below]
    panels = [panel for row in rows for panel in row]
    boxes, true_boxes = any(len(panel.boxes) for panel in panels), any(len(panel.true_boxes) for panel in panels)
    full = max(_NARROWEST, left + width * columns + gap * (columns - 1) + _MARGIN)
    total = sum(heights) + sum(over) + sum(under) + 0.05 + key_height(full, boxes or true_boxes)

    figure = new_figure(total, full, layout=None)
    top = total
    for index, row in enumerate(rows):
        top -= over[index] + heights[index]
        for column, panel in enumerate(row):
            place = (left + column * (width + gap), top, width, heights[index])
            x, y, w, h = place[0] / full, place[1] / total, place[2] / full, place[3] / total
            axes = figure.add_axes((x, y, w, h))
            draw_panel(axes, panel, above[index][column] if above[index] else '', below[index][column])
            if column < min(len(signs), len(row) - 1):
                middle = (x + w + gap / full / 2, y + h / 2)
                figure.text(*middle, signs[column], ha='center', va='center', fontsize=10)
        if beside:
            middle = ((left - 0.03) / full, (top + heights[index] / 2) / total)
            figure.text(*middle, beside[index], ha='right', va='center', rotation=90, multialignment='center')
        top -= under[index]
    draw_panel_key(figure, left, boxes, true_boxes)
    return figure


def _wrap_row_titles(
    titles: Sequence[str], aspects: Sequence[float], columns: int, gap: float
) -> tuple[float, float, list[str]]:
    """Inches to the left of the panels, the width of a panel, and the titles in lines no longer than a row is high."""
    left, width, wrapped = _MARGIN, _WIDEST, list(titles)
    # More lines leave less width for the panels, and lower rows need more lines.
    for _ in range(3):
        width = min(_WIDEST, (WIDTH - left - _MARGIN - gap * (columns - 1)) / columns)
        wrapped = [_wrap(title, width * aspect) for title, aspect in zip(titles, aspects, strict=False)]
        left = _MARGIN + (_LINE * max(map(_lines, wrapped)) + 0.04 if wrapped else 0)
    return left, width, wrapped


def _wrap(text: str, width: float, letter: float = _LETTER) -> str:
    """Break each line of a text so that it fits into a width in inches, by the width of a letter."""
    letters = max(8, int(width / letter))
    # Letters of East Asian scripts are as wide as two others: a filler after each is counted, and taken out again.
    padded = ''.join(each + '\0' * (east_asian_width(each) in 'WF') for each in text)
    return '\n'.join(part.replace('\0', '') for line in padded.splitlines() for part in textwrap.wrap(line, letters))


def _lines(text: str) -> int:
    return len(text.splitlines())
