"""From the content of an image file to 8-bit RGB: the one way in which everything here sees images."""

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps

# The colour behind transparent pixels: ImageNet's mean, as in mmcv.
_BACKGROUND = (124, 117, 104)
# Bits in which cameras and scanners store grey values in files of 16.
_DEPTHS = (8, 10, 12, 14, 16)
_MAX_PIXELS = 'MMTSCAM_MAX_IMAGE_PIXELS'
_ORIENTATION = 0x0112
_PNG = b'\x89PNG\r\n\x1a\n'


def most_pixels() -> float:
    """The largest number of pixels that an image or mask may have, see :func:`open_image`.

    Raises:
        ValueError: If the limit in the environment is no number.
    """
    limit = os.environ.get(_MAX_PIXELS)
    if limit is not None and not (limit.isascii() and limit.isdecimal() and len(limit) < 19 and int(limit) > 0):
        raise ValueError(f'the environment variable {_MAX_PIXELS} must be a number of pixels, got {limit!r}')
    if limit is not None:
        Image.MAX_IMAGE_PIXELS = int(limit)  # Pillow warns above it, and refuses above twice as many
    return math.inf if Image.MAX_IMAGE_PIXELS is None else 2 * Image.MAX_IMAGE_PIXELS


@contextmanager
def open_image(content: bytes | BinaryIO) -> Iterator[Image.Image]:
    """Open an image, whose header alone is read.

    Pillow refuses images of more than 179 million pixels, which may be small
    files that fill the memory, and warns of those of half as many. The
    environment variable ``MMTSCAM_MAX_IMAGE_PIXELS`` sets the latter number;
    images of up to twice as many are read.

    Args:
        content: Content of the file, or the open file.

    Yields:
        The image.

    Raises:
        ValueError: If the image is larger, the limit is no number, or the
            pixels cannot be shown faithfully, see :func:`to_rgb`.
        OSError: If it is no image.
    """
    most_pixels()
    try:
        image = Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)
    except Image.DecompressionBombError as error:
        raise ValueError(
            f'{error}: where you trust the file, let the environment variable {_MAX_PIXELS} be its number of pixels'
        ) from error
    with image:
        if image.mode == 'F':
            raise ValueError('its pixels are floating-point numbers, of which white is not known: save it with 8 bits')
        yield image


def decode_image(content: bytes, upright: bool) -> np.ndarray:
    """Decode an image.

    Args:
        content: Content of the file.
        upright: Whether to turn the image as its EXIF orientation says. Pillow
            turns TIFF images always.

    Returns:
        ``(H, W, 3)`` ``uint8`` RGB, see :func:`to_rgb`.

    Raises:
        ValueError: If the pixels cannot be shown faithfully, or the image is
            too large, see :func:`open_image`.
        OSError: If it is no image, or a broken one.
    """
    with open_image(content) as image:
        rgb = to_rgb(image, content)
        if upright and image.format != 'TIFF':
            rgb = _turn_upright(rgb, image)
        return np.asarray(rgb)


def decode_with_opencv(content: bytes, flags: int) -> np.ndarray | None:
    """Decode an image of which :func:`open_image` has seen the header.

    OpenCV takes as much memory as a part of a PNG file says to have, before it
    looks for the part. Such files are refused.

    Args:
        content: Content of the file.
        flags: Flags of ``cv2.imdecode``.

    Returns:
        The pixels, ``None`` where OpenCV cannot decode them.

    Raises:
        OSError: If a part is cut off.
    """
    place = len(_PNG)
    while content.startswith(_PNG) and place + 8 <= len(content):
        place += 12 + int.from_bytes(content[place : place + 4], 'big')  # length, name, the part, check sum
    if place > len(content):
        raise OSError('a part of the PNG file is cut off')
    return cv2.imdecode(np.frombuffer(content, np.uint8), flags)


def to_rgb(image: Image.Image, content: bytes) -> Image.Image:
    """Bring an image of any kind to 8-bit RGB.

    Pixels of more than 8 bits are divided by what brings white to 255. White
    is the largest number of 8, 10, 12, 14 or 16 bits: of the fewest that hold
    the image's largest value, because files do not say how many are used.
    Transparent pixels become grey. An animation gives its first picture.

    Args:
        image: The open image.
        content: Content of its file, for Pillow keeps 8 of 16 bits of a colour.

    Returns:
        The image; ``image`` itself where it is 8-bit RGB already.

    Raises:
        ValueError: If pixels have more than 16 bits, or the file cannot be
            decoded.
        OSError: If the file is broken.
    """
    if _has_deep_colours(image):
        return _deep_colours_to_rgb(content)
    _load(image)
    if image.mode.startswith('I'):
        grey = _to_8_bits(np.asarray(image))
        seen = image.info.get('transparency')
        opaque = np.full(grey.shape, 255, np.uint8) if seen is None else np.where(np.asarray(image) == seen, 0, 255)
        image = Image.merge('LA', (Image.fromarray(grey), Image.fromarray(opaque.astype(np.uint8))))
    if image.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in image.info:
        return _put_on_background(image.convert('RGBA'))
    return image if image.mode == 'RGB' else image.convert('RGB')


def is_deep(image: Image.Image) -> bool:
    """Tell whether pixels of an open image have more than 8 bits, by its header.

    Args:
        image: The open image, not loaded yet.
    """
    return image.mode.startswith('I') or _has_deep_colours(image)


def is_turned(image: Image.Image) -> bool:
    """Tell whether the EXIF orientation of an open image asks to turn it; Pillow has turned TIFF images already.

    Args:
        image: The open image.
    """
    return image.format != 'TIFF' and image.getexif().get(_ORIENTATION) in range(2, 9)


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except (OSError, ValueError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever a broken file leads them to, such as a SyntaxError
        raise OSError(f'the file is broken: {error}') from error


def _has_deep_colours(image: Image.Image) -> bool:
    """Tell whether Pillow would drop bits of an open image that is not loaded yet."""
    return image.mode in ('RGB', 'RGBA', 'LA') and any(';16' in str(tile.args) for tile in getattr(image, 'tile', ()))


def _deep_colours_to_rgb(content: bytes) -> Image.Image:
    pixels = decode_with_opencv(content, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ValueError('its pixels have 16 bits a colour and cannot be decoded: save it with 8')
    colours = Image.fromarray(_to_8_bits(pixels[..., 2::-1]))
    if pixels.shape[2] == 3:
        return colours
    colours.putalpha(Image.fromarray((pixels[..., 3] >> 8).astype(np.uint8)))
    return _put_on_background(colours)


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    largest, lowest = int(values.max(initial=0)), int(values.min(initial=0))
    depth = next((bits for bits in _DEPTHS if largest < 2**bits), None)
    if depth is None or lowest < 0:
        raise ValueError(f'its pixels go from {lowest} to {largest}, not from 0 to 65535: save it with 8 bits')
    return np.right_shift(values, depth - 8).astype(np.uint8)


def _put_on_background(image: Image.Image) -> Image.Image:
    background = Image.new('RGB', image.size, _BACKGROUND)
    background.paste(image, mask=image.getchannel('A'))
    return background


def _turn_upright(rgb: Image.Image, source: Image.Image) -> Image.Image:
    try:
        orientation = source.getexif().get(_ORIENTATION)
        if orientation in (None, 1):
            return rgb
        plain = Image.frombytes('RGB', rgb.size, rgb.tobytes()) if rgb is source else rgb
        plain.getexif()[_ORIENTATION] = orientation
        return ImageOps.exif_transpose(plain)
    except Exception:  # the image is sound, but its orientation is broken
        return rgb
