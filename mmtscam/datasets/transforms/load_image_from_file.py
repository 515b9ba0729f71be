"""Loading of images of any kind."""

import cv2
import mmcv.transforms
import numpy as np
from mmengine import fileio

from mmtscam.registry import TRANSFORMS
from mmtscam.utils.image_decoding import decode_image

_COLOR_TYPES = ('color', 'color_ignore_orientation')


@TRANSFORMS.register_module()
class LoadImageFromFile(mmcv.transforms.LoadImageFromFile):
    """mmcv's loader of this name, for which every image becomes 8-bit RGB as everywhere here.

    mmcv reads 16-bit grey images as white with Pillow and shows what lies
    under transparent pixels. Here training, test and inferencer show a model
    the same pixels of one file, see
    :func:`~mmtscam.utils.image_decoding.to_rgb`. It has mmcv's name because
    the tools of mmdet and mmpretrain look for it.

    Args:
        color_type: ``color`` turns an image as its EXIF orientation says,
            ``color_ignore_orientation`` leaves it as it lies in the file.
        imdecode_backend: ``pillow``, the one decoder that is used.
        to_float32: Whether to give ``float32`` pixels.
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ValueError: If ``color_type`` or ``imdecode_backend`` is another one.
    """

    def __init__(
        self,
        color_type: str = 'color',
        imdecode_backend: str = 'pillow',
        to_float32: bool = False,
        backend_args: dict | None = None,
    ) -> None:
        if color_type not in _COLOR_TYPES:
            raise ValueError(f'color_type must be {" or ".join(_COLOR_TYPES)}, got {color_type!r}')
        if imdecode_backend != 'pillow':
            raise ValueError(
                f"imdecode_backend must be 'pillow', got {imdecode_backend!r}: one decoder reads all images, so that "
                'training, test and inferencer see the same pixels (mmcv.LoadImageFromFile has the others)'
            )
        super().__init__(to_float32, color_type, imdecode_backend, backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Load one image.

        Args:
            results: Has ``img_path``.

        Returns:
            The same dict with ``img`` (H, W, 3) BGR, ``img_shape`` and
            ``ori_shape`` (height, width).

        Raises:
            FileNotFoundError: If the file is missing.
            OSError: If it cannot be decoded.
            ValueError: If its pixels cannot be shown faithfully.
        """
        content = fileio.get(results['img_path'], backend_args=self.backend_args)
        image = decode_image(content, upright=self.color_type == 'color')
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        results['img'] = pixels.astype(np.float32) if self.to_float32 else pixels
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
