"""The base of all mask readers, and functions that several readers use."""

import os.path as osp
from abc import ABCMeta, abstractmethod
from pathlib import Path

import cv2
import numpy as np

from mmtscam.utils.image_decoding import decode_with_opencv, open_image


class BaseMaskReader(metaclass=ABCMeta):
    """Gives the true mask of an image, read when it is asked for.

    The first argument of every reader is ``data_root``, the root of the data
    set; the data set fills it in.
    """

    @abstractmethod
    def check(self, img_path: str) -> None:
        """Check that an image has a mask, without reading the mask.

        Args:
            img_path: Path of the image as the data set gives it.

        Raises:
            ValueError: If the annotations have no mask for the image.
        """

    @abstractmethod
    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """Return the mask of an image.

        Args:
            img_path: Path of the image as the data set gives it.
            class_name: Name of the image's class, where the data set has
                names. Readers of formats that hold masks of several classes
                may use it.

        Returns:
            ``(H, W)`` ``uint8`` mask in the annotation's own resolution: 1
            foreground, 0 background, 255 ignore.

        Raises:
            FileNotFoundError: If a mask file is missing.
            ValueError: If the annotations have no mask for the image or it
                cannot be read.
        """


def join_mask(foreground: np.ndarray, ignore: np.ndarray) -> np.ndarray:
    """Make one mask of two regions.

    Args:
        foreground: ``(H, W)`` ``bool``.
        ignore: ``(H, W)`` ``bool``. A pixel of both regions is foreground.

    Returns:
        ``(H, W)`` ``uint8``: 1 foreground, 0 background, 255 ignore.
    """
    mask = np.zeros(foreground.shape, np.uint8)
    mask[ignore] = 255
    mask[foreground] = 1
    return mask


def read_grey(path: str, indices: bool = False) -> np.ndarray:
    """Read a mask file.

    Args:
        path: Path of an image file.
        indices: Whether an image with a palette has numbers, not colours.

    Returns:
        ``(H, W)`` grey values, ``uint8``, or ``uint16`` where the file has 16
        bits.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no image, or larger than an image may be.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: mask file not found')
    try:
        content = Path(path).read_bytes()
        with open_image(content) as image:
            if indices and image.mode == 'P':
                return np.asarray(image)
        grey = decode_with_opencv(content, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except Exception as error:  # decoders raise whatever a broken file leads them to
        raise ValueError(f'{path}: the mask file cannot be read as an image; replace it: {error}') from error
    if grey is None or grey.dtype.kind != 'u':
        raise ValueError(f'{path}: the mask file cannot be read as an image; replace it')
    return grey
