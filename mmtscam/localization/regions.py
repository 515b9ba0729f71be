"""The rectangles of a foreground's regions.

A foreground is an ``(h, w)`` ``uint8`` array, foreground where it is not 0. A
rectangle is ``(x, y, width, height)``.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

Rect = Sequence[int]


def contour_rects(foreground: np.ndarray) -> list[Rect]:
    """The rectangle of every contour, those of holes included."""
    return list(map(cv2.boundingRect, _contours(foreground)))


def largest_contour_rects(foreground: np.ndarray) -> list[Rect]:
    """The rectangle of the contour with the largest area, or none."""
    contours = _contours(foreground)
    return [cv2.boundingRect(max(contours, key=cv2.contourArea))] if contours else []


def union_rects(foreground: np.ndarray) -> list[Rect]:
    """The rectangle around the whole foreground, or none."""
    rect = cv2.boundingRect(foreground)
    return [rect] if rect[2] else []


def largest_component_rects(foreground: np.ndarray) -> list[Rect]:
    """The rectangle of the 8-connected component with the most pixels, or none; the first of several."""
    # OpenCV's own statistics of components take three times as long as this whole function.
    count, labels = cv2.connectedComponents(foreground, connectivity=8)
    if count <= 2:  # the background and at most one component
        return union_rects(foreground)
    pixels = np.bincount(labels.ravel())[1:]
    largest = np.flatnonzero(pixels == pixels.max()) + 1
    # OpenCV numbers components by blocks of pixels, not in raster order.
    first = largest[0] if len(largest) == 1 else labels.ravel()[np.isin(labels, largest).argmax()]
    return [cv2.boundingRect((labels == first).view(np.uint8))]


REGION_RECTS: dict[str, Callable[[np.ndarray], list[Rect]]] = {
    'contour': largest_contour_rects,
    'all_contours': contour_rects,
    'union': union_rects,
    'component': largest_component_rects,
}


def components(foreground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 8-connected components, the one with the most pixels first; equal ones in raster order.

    Args:
        foreground: ``(h, w)`` ``uint8`` array.

    Returns:
        ``(n, 4)`` ``int32`` rectangles and ``(n,)`` ``int32`` numbers of
        pixels.

    Examples:
        >>> rects, pixels = components(np.array([[0, 0, 1], [1, 0, 0], [1, 0, 0]], np.uint8))
        >>> rects.tolist(), pixels.tolist()
        ([[0, 1, 1, 2], [2, 0, 1, 1]], [2, 1])
    """
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    statistics = statistics[1:]
    tops = statistics[:, cv2.CC_STAT_TOP]
    firsts = (labels[tops] == np.arange(1, len(tops) + 1)[:, None]).argmax(axis=1)
    order = np.lexsort((firsts, tops, -statistics[:, cv2.CC_STAT_AREA]))
    return statistics[order, :4], statistics[order, cv2.CC_STAT_AREA]


def outer_contours(foreground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outermost contours, the one with the largest area first.

    Args:
        foreground: ``(h, w)`` ``uint8`` array.

    Returns:
        ``(n, 4)`` ``int64`` rectangles and ``(n,)`` ``float64`` areas within
        the contours.
    """
    contours, _ = cv2.findContours(foreground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = np.array([cv2.contourArea(contour) for contour in contours])
    rects = np.array([cv2.boundingRect(contour) for contour in contours], np.int64).reshape(-1, 4)
    order = np.argsort(-areas, kind='stable')
    return rects[order], areas[order]


def _contours(foreground: np.ndarray) -> Sequence[np.ndarray]:
    return cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
