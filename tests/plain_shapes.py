"""Shapes and their soft masks, pixel by pixel in Python, and their boxes from geometry."""

import math

import numpy as np

KINDS = ('EllipseMask', 'RectangleMask')


def relative_distance(kind, shape, x, y):
    """How far a point is from a shape's centre, in shares of the way to its edge; squared for an ellipse."""
    centre_x, centre_y, width, height, turn = shape
    degrees = (turn - 0.5) * 180
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along = (x - centre_x) * cos + (y - centre_y) * sin
    across = (x - centre_x) * sin - (y - centre_y) * cos
    u, v = along / (width / 2), across / (height / 2)
    return u * u + v * v if kind == 'EllipseMask' else max(abs(u), abs(v))


def mask(kind, shape, size, slope):
    """``(H, W)`` soft mask."""
    height, width = size
    rows = [
        [
            0.5 - math.atan(slope * (relative_distance(kind, shape, x / (width - 1), y / (height - 1)) - 1)) / math.pi
            for x in range(width)
        ]
        for y in range(height)
    ]
    return np.array(rows)


def box(kind, shape, size):
    """The exact box around a shape, ``(x1, y1, x2, y2)``, in pixels from the centre of the first one."""
    centre_x, centre_y, width, height, turn = shape
    angle = math.radians((turn - 0.5) * 180)
    parts = [(width / 2 * math.cos(angle), height / 2 * math.sin(angle))]
    parts += [(width / 2 * math.sin(angle), height / 2 * math.cos(angle))]
    extent_x, extent_y = (math.hypot(*pair) if kind == 'EllipseMask' else abs(pair[0]) + abs(pair[1]) for pair in parts)
    edges = [centre_x - extent_x, centre_y - extent_y, centre_x + extent_x, centre_y + extent_y]
    scales = [size[1] - 1, size[0] - 1] * 2
    return [edge * scale for edge, scale in zip(edges, scales, strict=True)]
