"""What every box reader does."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence

import numpy as np


class BaseBoxReader(metaclass=ABCMeta):
    """Gives the true boxes of an image; reads its annotations when made."""

    @abstractmethod
    def __call__(self, img_path: str) -> np.ndarray:
        """Return the boxes of an image.

        Args:
            img_path: Path of the image as the data set gives it.

        Returns:
            ``(n, 4)`` ``float64`` boxes ``(x1, y1, x2, y2)`` in original
            image coordinates, n at least 1.

        Raises:
            ValueError: If the annotations have no box for the image.
        """


def xywh_to_xyxy(values: Sequence[str], row: str) -> np.ndarray:
    """Parse and check one annotated box.

    Args:
        values: x, y, width and height as they stand in the file.
        row: Where the box stands, ``FILE:LINE``, for the error message.

    Returns:
        ``(4,)`` ``float64`` box ``(x1, y1, x2, y2)``.

    Raises:
        ValueError: If it is not four finite numbers or the box is inverted
            or empty.
    """
    try:
        x, y, width, height = box = np.array([float(value) for value in values])
    except ValueError:
        raise ValueError(f'{row}: a box needs four numbers x y width height, got {" ".join(values)!r}') from None
    if not np.isfinite(box).all():
        raise ValueError(f'{row}: the box is not finite: {" ".join(values)}')
    if width <= 0 or height <= 0:
        raise ValueError(f'{row}: the box is inverted or empty: width {width:g}, height {height:g}')
    return np.array([x, y, x + width, y + height])
