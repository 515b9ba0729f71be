"""Finding and reading images of any kind, turned upright where the model's pipeline turns them."""

import os
import os.path as osp
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from mmengine import fileio

from .config import type_name
from .image_decoding import decode_image, is_turned, open_image

T = TypeVar('T')
IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.bmp', '.gif', '.webp', '.tif', '.tiff', '.ppm', '.pgm')


def list_images(folder: str | Path) -> list[str]:
    """Paths of all images in a folder and those below it, sorted.

    Raises:
        FileNotFoundError: If there is no folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder')
    paths = list[str]()
    waiting = [str(folder)]
    while waiting:
        # Path.rglob keeps an object for each file.
        with suppress(PermissionError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif osp.splitext(entry.name)[1].lower() in IMAGE_ENDINGS and _is_file(entry):
                    paths.append(entry.path.removeprefix(osp.join(osp.curdir, '')))
    if not paths:
        raise FileNotFoundError(f'{folder}: no image in it; they end in {", ".join(IMAGE_ENDINGS)}')
    return sorted(paths)


def _is_file(entry: os.DirEntry) -> bool:
    return entry.is_file(follow_symlinks=False) or osp.isfile(entry.path)


def spread_evenly(items: Sequence[T], most: int | None) -> list[T]:
    """Choose at most so many items of a list, evenly spread from the first to the last; ``None`` for all of them.

    Examples:
        >>> spread_evenly('abcdefg', 3)
        ['a', 'd', 'g']
    """
    if most is None or most >= len(items):
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, most).round().astype(int).tolist()]


def named_images(paths: Iterable[str], most: int | None = None) -> list[str]:
    """Image files that a user names, by themselves or by their folders.

    Args:
        paths: Paths of image files, and of folders, see :func:`list_images`.
        most: At most so many images are taken, evenly spread; by default all.

    Returns:
        Paths of the files, in the order of ``paths``.

    Raises:
        FileNotFoundError: If there is nothing of that name, or a folder
            without images.
    """
    files = list[str]()
    for path in paths:
        if not osp.exists(path):
            raise FileNotFoundError(f'{path}: image or folder not found')
        files += list_images(path) if osp.isdir(path) else [path]
    return spread_evenly(files, most)


def pipeline_of(dataset: Any) -> Sequence[Any]:
    """The pipeline of a data set, or of the first one that a wrapper such as ``ConcatDataset`` holds.

    Args:
        dataset: A data set, or its config.

    Returns:
        Transforms, or their configs; none where none are found.
    """

    def get(name: str) -> Any:
        return dataset.get(name) if isinstance(dataset, Mapping) else getattr(dataset, name, None)

    pipeline = get('pipeline')
    if pipeline is not None:
        return getattr(pipeline, 'transforms', pipeline)
    inner = get('dataset') or next(iter(get('datasets') or ()), None)
    return () if inner is None else pipeline_of(inner)


def loads_upright(pipeline: Sequence[Any]) -> bool:
    """Tell whether a pipeline turns images upright as their EXIF orientation says.

    Boxes and maps of a sample belong to the image as its pipeline read it, so
    pictures must show that image.

    Args:
        pipeline: Transforms, or their configs. The first one loads.

    Returns:
        Whether it does; ``True``, mmcv's default, for unknown loaders.
    """
    if not pipeline:
        return True
    loader = pipeline[0]
    if isinstance(loader, Mapping):
        kind, color_type = loader['type'], loader.get('color_type', 'color')
    else:
        kind, color_type = type(loader), getattr(loader, 'color_type', 'color')
    return type_name(kind) != 'LoadResizedImage' and color_type in ('color', 'grayscale')


def read_image(path: str, upright: bool = True) -> np.ndarray:
    """Read an image file.

    An image of any kind becomes 8-bit RGB, see
    :func:`~mmtscam.utils.image_decoding.to_rgb`.

    Args:
        path: A path, a URL, or any other place that mmengine's file backends
            know.
        upright: Whether to turn the image as its EXIF orientation says, see
            :func:`loads_upright`.

    Returns:
        ``(H, W, 3)`` ``uint8`` RGB.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If the file cannot be reached.
        ValueError: If the file cannot be read as an image. All errors name
            the file.
    """
    if osp.exists(path) and not osp.isfile(path) and not osp.isdir(path):
        raise ValueError(f'{path}: is no file but a pipe or a device')  # to read it may take for ever
    try:
        content = fileio.get(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path}: no such file') from error
    except OSError as error:
        raise OSError(f'{path}: cannot be read: {error}') from error
    except Exception as error:  # whatever a back end raises for a place that it does not know
        raise ValueError(f'{path}: cannot be read: {error}') from error
    try:
        return decode_image(content, upright)
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        reason = str(error).partition(' <_io')[0]
        raise ValueError(f'{path}: cannot be read as an image: {reason}') from error


def look_at_header(path: str) -> tuple[tuple[int, int], bool]:
    """Read the size of an image without its pixels.

    Args:
        path: The same as for :func:`read_image`.

    Returns:
        Width and height as it is stored, and whether its EXIF orientation
        asks to turn it.

    Raises:
        ValueError: If the file cannot be read as an image; names the file.
    """
    try:
        with fileio.get_local_path(path) as name, Path(name).open('rb') as file, open_image(file) as image:
            return image.size, is_turned(image)
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        raise ValueError(f'{path}: cannot be read as an image: {error}') from error


def check_headers(paths: Iterable[str]) -> None:
    """Refuse files of which the header says that their pixels cannot be shown: those of floating-point numbers.

    TIFF alone holds such pixels, so files of other names are not opened, nor
    are those that are not on a disk.

    Args:
        paths: Paths of image files.

    Raises:
        ValueError: If there is such a file; names it.
    """
    for path in paths:
        if path.lower().endswith(('.tif', '.tiff')) and Path(path).is_file():
            try:
                with Path(path).open('rb') as file, open_image(file):
                    pass
            except OSError:  # no image: the pipeline says so
                continue
            except ValueError as error:
                raise ValueError(f'{path}: cannot be read as an image: {error}') from error


def check_array(image: np.ndarray) -> np.ndarray:
    """Check an array that is to be an image, and bring it to RGB.

    Args:
        image: ``(H, W, 3)`` ``uint8`` BGR, as mmcv and OpenCV read it, or
            ``(H, W)`` grey.

    Returns:
        ``(H, W, 3)`` ``uint8`` RGB.

    Raises:
        ValueError: If it is not such an array.
    """
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or (image.ndim == 3 and image.shape[2] != 3)
        or not image.size
    ):
        raise ValueError(
            f'an image as an array must be (H, W, 3) uint8 in BGR, or (H, W) in grey; got {image.shape} {image.dtype}'
        )
    return image[..., ::-1] if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def to_pipeline(image: np.ndarray, path: str) -> dict[str, Any]:
    """Make the input of a pipeline's steps after the loader.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB.
        path: Path of the image.

    Returns:
        ``img`` (H, W, 3) ``uint8`` BGR, ``img_path``, and the height and width
        as ``img_shape`` and ``ori_shape``.
    """
    shape = image.shape[:2]
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return dict(img=pixels, img_path=path, img_shape=shape, ori_shape=shape)
