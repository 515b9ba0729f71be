"""The elements of pictures: maps as colours, boxes, text and a legend."""

import math
from collections.abc import Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.font_manager import FontEntry
from PIL import Image, ImageDraw, ImageFont

from .fonts import DEFAULT_FONT, face_index, split_by_font

Color = tuple[int, int, int]

COLOUR_MAP = 'viridis'  # perceptually uniform: equal steps look equal, in grey as well
# Colours that colour-blind readers can tell apart, and that show on dark and on light images.
PREDICTED_COLOR: Color = (255, 70, 50)
TRUE_COLOR: Color = (60, 220, 255)
_CASING_COLOR: Color = (20, 20, 20)
_TEXT_COLOR = 20
_OPACITY = 0.6
_MARGIN = 4


def heat_colors(levels: np.ndarray) -> np.ndarray:
    """Colours of :data:`COLOUR_MAP`.

    Args:
        levels: Array of any shape with values in [0, 1].

    Returns:
        ``(..., 3)`` ``uint8`` RGB.
    """
    return _color_table()[(levels * 255).astype(np.uint8), 0]


@cache
def _color_table() -> np.ndarray:
    return (colormaps[COLOUR_MAP](np.arange(256))[:, None, :3] * 255).round().astype(np.uint8)


def overlay_map(image: np.ndarray, score_map: np.ndarray) -> np.ndarray:
    """Lay a map's colours over an image.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        score_map: ``(h, w)`` float array of any range. Its lowest value gets
            the first colour, its highest the last. A map that is constant or
            not finite gets the first colour everywhere.

    Returns:
        ``(H, W, 3)`` ``uint8`` RGB.
    """
    return cv2.addWeighted(image, 1 - _OPACITY, color_map(score_map, image.shape[1::-1]), _OPACITY, 0)


def color_map(score_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map's colours without an image.

    Args:
        score_map: The same as for :func:`overlay_map`.
        size: ``(width, height)`` of the picture.

    Returns:
        ``(height, width, 3)`` ``uint8`` RGB.
    """
    score_map = score_map.astype(np.float32) * np.float32(1 / 8)  # so that the spread of the largest numbers is finite
    spread = score_map.max() - score_map.min()
    if not (np.isfinite(spread) and spread > 0):
        score_map = np.zeros_like(score_map)
    # OpenCV does all steps, because many pictures are drawn and each step of NumPy would be another pass over memory.
    large = cv2.resize(score_map, size, interpolation=cv2.INTER_LINEAR)
    levels = cv2.normalize(large, np.empty(large.shape, np.uint8), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    return cv2.applyColorMap(levels, _color_table())


def draw_boxes(image: np.ndarray, boxes: np.ndarray, color: Color) -> None:
    """Draw boxes with a dark casing, two pixels wide, into an image.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB, changed in place.
        boxes: ``(n, 4)`` ``(x1, y1, x2, y2)`` in the image's pixels; edges
            beyond the image are drawn along its border.
        color: Colour of the line.
    """
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in np.round(boxes).astype(int).tolist():
        corners = (max(x1, 0), max(y1, 0)), (min(x2, width - 1), min(y2, height - 1))
        cv2.rectangle(image, *corners, _CASING_COLOR, 4)
        cv2.rectangle(image, *corners, color, 2)


def fit_size(image: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """Width and height, at least 1, with which an image fits into a frame and keeps its proportions."""
    scale = min(width / image.shape[1], height / image.shape[0])
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image in another size (width, height)."""
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def line_height(size: int) -> int:
    """Pixels from one line of text to the next."""
    return round(1.35 * size)


def draw_text(
    canvas: np.ndarray, corner: tuple[int, int], text: str, size: int, width: int, font: str | None = None
) -> int:
    """Write one dark line on white, cut off with an ellipsis where it is too wide.

    Args:
        canvas: ``(H, W, 3)`` ``uint8`` RGB, changed in place.
        corner: Left and upper edge of the line.
        text: Text in any script that a font has; see :mod:`.fonts`.
        size: Height of the letters, in pixels.
        width: Width in pixels that the line may take.
        font: The font to prefer; see :func:`~.fonts.find_font`.

    Returns:
        The width in pixels that the line takes.
    """
    line = _line(text, size, width, font)
    left, top = corner
    place = canvas[top : top + line.shape[0], left : left + line.shape[1]]
    np.minimum(place, line[: place.shape[0], : place.shape[1], None], out=place)
    return line.shape[1]


@lru_cache(1024)  # most lines of a picture are the same as in the previous one
def _line(text: str, size: int, width: int, font: str | None) -> np.ndarray:
    """A line in shades of grey, ``(h, w)`` ``uint8``, no wider than ``width``."""
    if _length(text, size, font) > width:
        kept = next((n for n in range(len(text) - 1, 0, -1) if _length(text[:n] + '…', size, font) <= width), 0)
        text = text[:kept].rstrip() + '…'
    line = Image.new('L', (min(width, math.ceil(_length(text, size, font))), line_height(size)), 'white')
    baseline = _font(DEFAULT_FONT, size).getmetrics()[0]
    left = 0.0
    for run, entry in split_by_font(text, font):
        ImageDraw.Draw(line).text((left, baseline), run, _TEXT_COLOR, _font(entry, size), anchor='ls')
        left += _font(entry, size).getlength(run)
    return np.asarray(line)


def _length(text: str, size: int, font: str | None) -> float:
    return sum(_font(entry, size).getlength(run) for run, entry in split_by_font(text, font))


@cache
def _font(entry: FontEntry, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(entry.fname, size, face_index(entry))


def draw_legend(
    canvas: np.ndarray, top: int, size: int, boxes: Sequence[tuple[str, Color]], font: str | None = None
) -> None:
    """Draw the colours of maps from low to high, then the boxes by name.

    Args:
        canvas: ``(H, W, 3)`` ``uint8`` RGB, changed in place.
        top: Upper edge of the line.
        size: Height of the letters, in pixels.
        boxes: Name and colour of each kind of box.
        font: The same as for :func:`draw_text`.
    """
    left = _write(canvas, _MARGIN, top, 'map: low', size, font)
    place = canvas[top + 2 : top + 2 + size, left : left + 6 * size]
    place[:] = heat_colors(np.linspace(0, 1, 6 * size))[: place.shape[1]]
    left = _write(canvas, left + 6 * size + _MARGIN, top, 'high', size, font)
    for name, color in boxes:
        left += 2 * _MARGIN
        cv2.rectangle(canvas, (left + 1, top + 3), (left + size - 1, top + size), color, 2)
        left = _write(canvas, left + size + _MARGIN, top, name, size, font)


def _write(canvas: np.ndarray, left: int, top: int, text: str, size: int, font: str | None) -> int:
    """Write one line; return the left edge for the text after it."""
    return left + draw_text(canvas, (left, top), text, size, max(1, canvas.shape[1] - left), font) + _MARGIN
