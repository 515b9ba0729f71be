"""Plain implementations, pixel by pixel in Python, that the package is held to."""

from fractions import Fraction
from itertools import pairwise
from math import floor

import numpy as np

EIGHT = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
FOUR = [(-1, 0), (0, -1), (0, 1), (1, 0)]


def flood_fill(mask, steps):
    """Connected parts of a mask as lists of (y, x), in raster order of their first pixels."""
    left = np.array(mask, bool)
    parts = []
    for start in map(tuple, np.argwhere(left).tolist()):
        if not left[start]:
            continue
        left[start] = False
        part = [start]
        for y, x in part:
            for dy, dx in steps:
                near = (y + dy, x + dx)
                if 0 <= near[0] < left.shape[0] and 0 <= near[1] < left.shape[1] and left[near]:
                    left[near] = False
                    part.append(near)
        parts.append(part)
    return parts


def rect(pixels, margin=0):
    """x, y, width and height around pixels (y, x)."""
    ys, xs = zip(*pixels, strict=True)
    x, y = min(xs) - margin, min(ys) - margin
    return [x, y, max(xs) + 1 + margin - x, max(ys) + 1 + margin - y]


def holes(mask):
    """Parts of the background that are not connected to the outside."""
    padded = np.pad(np.array(mask) == 0, 1, constant_values=True)
    return [[(y - 1, x - 1) for y, x in part] for part in flood_fill(padded, FOUR) if (0, 0) not in part]


def contour_area(part, shape):
    """Area within the line through the outermost pixel centres: 1 for four neighbours, 1/2 for three."""
    mask = np.zeros(shape, np.uint8)
    mask[tuple(zip(*part, strict=True))] = 1
    for hole in holes(mask):
        mask[tuple(zip(*hole, strict=True))] = 1
    corners = mask[:-1, :-1] + mask[1:, :-1] + mask[:-1, 1:] + mask[1:, 1:]
    return (corners == 4).sum() + (corners == 3).sum() / 2


def is_outermost(part, foreground):
    """Whether a part lies in no hole of another."""
    others = np.array(foreground)
    others[tuple(zip(*part, strict=True))] = 0
    return not any(part[0] in hole for hole in holes(others))


def region_rects(foreground, regions):
    """Rectangles of the regions of a foreground; of several contours with the largest area, all."""
    parts = flood_fill(foreground, EIGHT)
    if not parts:
        return []
    if regions == 'union':
        return [rect([pixel for part in parts for pixel in part])]
    if regions == 'component':
        return [rect(max(parts, key=len))]
    if regions == 'all_contours':
        return [*map(rect, parts), *(rect(hole, 1) for hole in holes(foreground))]
    areas = [contour_area(part, np.shape(foreground)) for part in parts]
    return [rect(part) for part, area in zip(parts, areas, strict=True) if area == max(areas)]


def double(rows):
    """Rows of numbers, bilinearly brought to twice the size."""

    def line(values):
        padded = [values[0], *values, values[-1]]
        pairs = pairwise(padded)
        return [value for left, right in pairs for value in ((3 * left + right) / 4, (left + 3 * right) / 4)][1:-1]

    columns = [line(column) for column in zip(*map(line, rows), strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def min_max(rows, epsilon):
    """Rows of numbers, brought to [0, 1]; zeros where all are alike or one is not finite."""
    values = [value for row in rows for value in row]
    low, high = min(values), max(values)
    if not all(map(np.isfinite, values)) or low == high:
        return [[0.0 for _ in row] for row in rows]
    return [[(value - low) / (high - low + epsilon) for value in row] for row in rows]


def percentile(values, percent):
    """The value below which a percentage of all values lies, between the two nearest in proportion."""
    values = sorted(values)
    position = (len(values) - 1) * Fraction(percent) / 100
    below = values[floor(position)]
    above = values[min(floor(position) + 1, len(values) - 1)]
    return float(below + (above - below) * (position - floor(position)))


def normalize(score_map, protocol):
    """A map in the frame, which has the map's size or twice that, and in [0, 1]."""
    rows = np.asarray(score_map, np.float64).tolist()
    resize = (lambda rows: rows) if (len(rows[0]), len(rows)) == protocol.frame else double
    if not protocol.normalize:
        return rows
    if protocol.normalize_first:
        return resize(min_max(rows, protocol.epsilon))
    return min_max(resize(rows), protocol.epsilon)


def foreground(score_map, protocol):
    """Where a map is above the threshold."""
    rows = normalize(score_map, protocol)
    if protocol.absolute_threshold:
        return [[value > protocol.threshold for value in row] for row in rows]
    grey = [[int(value * 255) for value in row] for row in rows]
    reference = percentile([level for row in grey for level in row], protocol.percentile)
    return [[level > int(protocol.threshold * reference) for level in row] for row in grey]


def boxes(score_map, protocol):
    """Boxes of a map; of several contours with the largest area, all."""
    found = [[x, y, x + w, y + h] for x, y, w, h in region_rects(foreground(score_map, protocol), protocol.regions)]
    if not found:
        return [list(protocol.empty_box)]
    if protocol.clamp_boxes:
        width, height = protocol.frame
        return [[x1, y1, min(x2, width - 1), min(y2, height - 1)] for x1, y1, x2, y2 in found]
    return found
