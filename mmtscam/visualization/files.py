"""Writing pictures to files."""

import os
from pathlib import Path

import cv2
import numpy as np

from mmtscam.utils.files import unfinished

_JPEG_QUALITY = 92


def write_picture(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Write a picture, whole or not at all; the file's ending decides the format.

    Args:
        path: The file; its folder is made.
        picture: ``(h, w, 3)`` ``uint8`` RGB.

    Raises:
        OSError: If it cannot be written; names the file.
    """
    path = Path(path)
    # The ending alone, since OpenCV must not see names that are no text, as those of old archives.
    if path.suffix.isascii() and cv2.haveImageWriter(f'a{path.suffix}') and not path.is_dir():
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        # OpenCV 5 warns of parameters that a format does not know.
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in ('.jpg', '.jpeg') else []
        written, content = cv2.imencode(path.suffix, picture, quality)
        if written:
            with unfinished(path) as temporary:
                temporary.write_bytes(content.tobytes())
            return
    raise OSError(f'{path}: the picture cannot be written; name a .png or .jpg in a folder that can be')
