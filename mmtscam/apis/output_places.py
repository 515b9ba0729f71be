"""Where an inferencer writes, which is looked at before anything is computed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmtscam.datasets.coco import COCOOutput
from mmtscam.utils.files import check_writable

from .predictions import coco_names

ImageInput = str | Path | np.ndarray


def input_name(number: int, item: ImageInput) -> str:
    """Name of an input in messages and predictions: its path, or the number of an array."""
    return f'array {number}' if isinstance(item, np.ndarray) else str(item)


def picture_places(items: Sequence[ImageInput], folder: str | None) -> list[Path]:
    """Where pictures go: in the same subfolders as the images, each under a name of its own."""
    places: list[Path] = []
    taken: set[str] = set()
    for number, item in enumerate(items):
        if isinstance(item, np.ndarray):
            place = Path(f'{number:08d}')
        elif folder is not None:
            place = Path(item).relative_to(folder)
        else:
            text = str(item).partition('?')[0] if '://' in str(item) else str(item)
            place = Path(Path(text).name or f'{number:08d}')
        if place.suffix.lower() not in ('.jpg', '.jpeg'):
            place = place.with_name(f'{place.name}.jpg')
        if str(place).casefold() in taken:
            place = place.with_name(f'{place.stem}_{number:08d}{place.suffix}')
        taken.add(str(place).casefold())
        places.append(place)
    return places


def check_pictures(out_vis: Path, items: Sequence[ImageInput], folder: str | None, places: Sequence[Path]) -> None:
    """Refuse, before anything is computed, a folder where pictures would overwrite images or be taken for images."""
    check_writable(out_vis, is_folder=True)
    if folder is not None and out_vis.resolve().is_relative_to(Path(folder).resolve()):
        raise ValueError(
            f'{out_vis}: lies in the folder of images, where pictures would be taken for images the next time; name '
            'another out_dir'
        )
    inputs = {Path(item).resolve() for item in items if not isinstance(item, np.ndarray) and '://' not in str(item)}
    if taken := [place for place in places if (out_vis / place).resolve() in inputs]:
        raise ValueError(f'{out_vis / taken[0]}: is one of the images, and would be overwritten; name another out_dir')


def check_layout(coco: COCOOutput, items: Sequence[ImageInput], folder: str | None, is_written: bool) -> None:
    """Refuse, before anything is computed, a layout of images that cannot be copied, or of no COCO file."""
    if not is_written:
        raise ValueError(f"layout={coco.layout!r} is one of COCO files: add 'coco' to pred_formats")
    paths = [input_name(number, item) for number, item in enumerate(items)]
    coco.check(zip(coco_names(paths, folder), paths, strict=True), folder)
