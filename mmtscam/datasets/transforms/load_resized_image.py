"""Loading and resizing of images in one step."""

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmengine import fileio
from PIL import Image

from mmtscam.registry import TRANSFORMS
from mmtscam.utils.image_decoding import open_image, to_rgb

_END_OF_IMAGE = b'\xff\xd9'
# OpenCV's ways of decoding, by the factor by which each reduces an image.
_DECODINGS = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
    (1, cv2.IMREAD_COLOR),
)


@TRANSFORMS.register_module()
class LoadResizedImage(BaseTransform):
    """Reads an image and resizes it, without regard to its proportions.

    It gives the same pixels and keys as ``LoadImageFromFile`` with Pillow and
    ``color_ignore_orientation``, followed by ``Resize`` with Pillow's bilinear
    interpolation (antialiased). The image stays within Pillow in between.

    With ``fast``, OpenCV decodes a JPEG and PyTorch resizes it with the same
    filter. OpenCV decodes at 1/2, 1/4 or 1/8 of the image's size where that is
    at least twice the wanted size. An image decoded whole differs by
    rounding; a reduced one differs by about half as much as bicubic
    interpolation does from bilinear. All other files, and CMYK images, which
    the two decoders convert differently, are read as without ``fast``.

    An EXIF orientation is ignored either way, except in TIFF files, which
    Pillow turns always.

    Args:
        scale: Width and height to resize to, or the side of a square.
        fast: Whether the pixels may differ a little from Pillow's.
        backend_args: Arguments of mmengine's file backend, if the images are
            not on a disk.

    Raises:
        ValueError: If ``scale`` is not one or two positive numbers.
    """

    def __init__(self, scale: int | tuple[int, int], fast: bool = False, backend_args: dict | None = None) -> None:
        width, height = (scale, scale) if isinstance(scale, int) else (*(scale or ()), 0, 0)[:2]
        if min(width, height) <= 0:
            raise ValueError(f'scale must be a width and a height in pixels, got {scale}')
        self.scale = (width, height)
        self.fast = fast
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load one image.

        Args:
            results: Has ``img_path``.

        Returns:
            The same dict with ``img`` (H, W, 3) ``uint8`` BGR, ``img_shape``
            and ``ori_shape`` (height, width), the latter that of the file,
            and the keys of ``Resize``: ``scale`` (width, height),
            ``scale_factor`` of width and height, and ``keep_ratio``.

        Raises:
            FileNotFoundError: If the file is missing.
            OSError: If it cannot be decoded.
            ValueError: If its pixels cannot be shown faithfully.
        """
        content = fileio.get(results['img_path'], backend_args=self.backend_args)
        # Reads the header alone.
        with open_image(content) as image:
            width, height = image.size
            resized = self._resize_fast(content, image) if self.fast else None
            results['img'] = self._resize(content, image) if resized is None else resized
        results['img_shape'] = results['img'].shape[:2]
        results['ori_shape'] = (height, width)
        results['scale'] = self.scale
        results['scale_factor'] = (self.scale[0] / width, self.scale[1] / height)
        results['keep_ratio'] = False
        return results

    def _resize(self, content: bytes, image: Image.Image) -> np.ndarray:
        """Decode and resize with Pillow."""
        resized = to_rgb(image, content).resize(self.scale, Image.Resampling.BILINEAR)
        return cv2.cvtColor(np.asarray(resized), cv2.COLOR_RGB2BGR)

    def _resize_fast(self, content: bytes, image: Image.Image) -> np.ndarray | None:
        """Decode with OpenCV and resize with PyTorch; ``None`` if Pillow has to, or has to say what is wrong."""
        # Some versions of OpenCV invent the missing part of a truncated file.
        if image.format != 'JPEG' or image.mode not in ('RGB', 'L') or not content.endswith(_END_OF_IMAGE):
            return None
        reduction = min(side // (2 * wanted) for side, wanted in zip(image.size, self.scale, strict=True))
        factor, flag = next(each for each in _DECODINGS if reduction >= each[0] or each[0] == 1)
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if decoded is None:
            return None
        pixels = torch.from_numpy(decoded).permute(2, 0, 1)[None]
        sizes: dict[str, Any] = dict(size=self.scale[::-1])
        if factor > 1:
            # A reduced side is rounded up, so the image ends within its last pixel. The size is
            # the product rounded down, which must not fall short of the wanted one.
            ends = (image.height / factor, image.width / factor)
            sizes = dict(
                scale_factor=[(wanted + 1e-3) / end for wanted, end in zip(self.scale[::-1], ends, strict=True)]
            )
        pixels = F.interpolate(pixels, **sizes, mode='bilinear', antialias=True)
        return cv2.merge(list(pixels[0].numpy()))

    def __repr__(self) -> str:
        """The transform as it is configured."""
        return f'{type(self).__name__}(scale={self.scale}, fast={self.fast}, backend_args={self.backend_args})'
