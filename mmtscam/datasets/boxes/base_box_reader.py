"""The base of all box readers, and checks of single boxes."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmtscam.utils.annotated_size import AnnotatedSize
from mmtscam.utils.printable import shown


class BaseBoxReader(metaclass=ABCMeta):
    """Gives the true boxes of an image.

    The first argument of every reader is ``data_root``, the root of the data
    set; the data set fills it in. A file that cannot be read raises when the
    reader is made, or at the first image that the file annotates.
    """

    @abstractmethod
    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """Return the boxes of an image.

        Args:
            img_path: Path of the image as the data set gives it.
            class_name: Name of the image's class, where the data set has
                names. Readers of formats that hold boxes of several classes
                may use it.

        Returns:
            ``(n, 4)`` ``float64`` boxes ``(x1, y1, x2, y2)`` in original
            image coordinates; n is 0 where the annotations say that the image
            shows no object.

        Raises:
            ValueError: If the annotations do not tell, since the image is not
                in them, for example.
        """

    def img_id(self, img_path: str) -> int | None:
        """Number of an image in the annotation file, ``None`` where it numbers none.

        Args:
            img_path: Path of the image as the data set gives it.
        """
        return None

    def annotated_size(self, img_path: str) -> AnnotatedSize | None:
        """Size of an image as its annotations state it, ``None`` where they do not.

        Args:
            img_path: Path of the image as the data set gives it.
        """
        return None


def no_boxes() -> np.ndarray:
    """The boxes of an image that shows no object."""
    return np.zeros((0, 4))


def xywh_to_xyxy(values: Sequence[Any], row: str) -> np.ndarray:
    """Parse and check one box that is annotated by its corner and size.

    Args:
        values: x, y, width and height as they stand in the file.
        row: Where the box stands, e.g. ``FILE:LINE``, for the error message.

    Returns:
        ``(4,)`` ``float64`` box ``(x1, y1, x2, y2)``.

    Raises:
        ValueError: If it is not four finite numbers or the box is inverted
            or empty.
    """
    x, y, width, height = _four_numbers(values, 'x y width height', row)
    if width <= 0 or height <= 0:
        raise ValueError(f'{row}: the box is inverted or empty: width {width:g}, height {height:g}')
    return _finite(np.array([x, y, x + width, y + height]), values, row)


def check_xyxy(values: Sequence[Any], row: str) -> np.ndarray:
    """Parse and check one box that is annotated by two corners.

    Both corners are pixels of the box. Equal edges are therefore no error:
    the box is one pixel wide.

    Args:
        values: x1, y1, x2 and y2 as they stand in the file.
        row: Where the box stands, e.g. ``FILE:LINE``, for the error message.

    Returns:
        ``(4,)`` ``float64`` box ``(x1, y1, x2, y2)``.

    Raises:
        ValueError: If it is not four finite numbers or the box is inverted.
    """
    box = _four_numbers(values, 'x1 y1 x2 y2', row)
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        raise ValueError(f'{row}: the box is inverted: from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g})')
    return box


def _four_numbers(values: Sequence[Any], names: str, row: str) -> np.ndarray:
    try:
        _, _, _, _ = box = np.array([float(value) for value in values])
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f'{row}: a box needs four numbers {names}, got {_text(values)!r}') from None
    return _finite(box, values, row)


def _finite(box: np.ndarray, values: Sequence[Any], row: str) -> np.ndarray:
    if not np.isfinite(box).all():
        raise ValueError(f'{row}: the box is not finite: {_text(values)}')
    return box


def _text(values: Sequence[Any]) -> str:
    return ' '.join(value if isinstance(value, str) else shown(value) for value in values)
