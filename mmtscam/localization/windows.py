"""The part of an image around a box, to look at the object more closely."""

Window = tuple[float, float, float, float]


def window_around(
    box: tuple[float, float, float, float],
    image_size: tuple[int, int],
    scale: float = 1.0,
    aspect: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    least: float = 0.0,
) -> Window:
    """The square around a box, moved into the image.

    A side that is longer than the image's is cut to it, so the window is not
    always a square.

    Args:
        box: ``(x1, y1, x2, y2)`` in the image, in pixels.
        image_size: Width and height of the image in pixels.
        scale: Side of the square in longer sides of the box.
        aspect: Width over height of the window, instead of a square of the
            same area.
        shift: How far the centre moves right and down, in longer sides of the
            box.
        least: Least side of the square in pixels.

    Returns:
        ``(x1, y1, x2, y2)`` in pixels, at least a pixel wide and high.
    """
    x1, y1, x2, y2 = box
    longer = max(x2 - x1, y2 - y1)
    side = max(longer * scale, least, 1.0)
    sides = (side * aspect**0.5, side / aspect**0.5)
    centres = ((x1 + x2) / 2 + shift[0] * longer, (y1 + y2) / 2 + shift[1] * longer)
    starts, ends = [], []
    for centre, wanted, whole in zip(centres, sides, image_size, strict=True):
        length = min(max(wanted, 1.0), whole)
        start = min(max(centre - length / 2, 0.0), whole - length)
        starts.append(start)
        ends.append(start + length)
    return (*starts, *ends)
