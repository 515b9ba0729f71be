"""Readers of weights and of images."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from mmengine.config import Config

from mmtscam.apis.loading import class_names
from mmtscam.datasets import WSOLDataset
from mmtscam.models.checkpoints import read_state
from mmtscam.utils.config import checkpoint_config
from mmtscam.utils.images import check_headers, look_at_header, read_image

from . import valid
from .mutation import change_bytes, change_png, change_zip
from .running import Target


def weight_targets() -> Iterator[Target]:
    """The readers of weights and images."""
    plain = valid.checkpoint(lambda content, file: torch.save(content, file, _use_new_zipfile_serialization=False))
    yield Target('weights: PyTorch', 'a.pth', [valid.checkpoint()], change_zip, _weights)
    yield Target('weights: PyTorch before 1.6', 'a.pth', [plain], change_bytes, _weights)
    yield Target('weights: safetensors', 'a.safetensors', [valid.tensors()], change_bytes, _state)
    yield Target('weights: config within', 'a.pth', [valid.checkpoint()], change_zip, _config)
    pictures = [
        valid.image('JPEG'),
        valid.image('PNG'),
        valid.image('PNG', mode='P'),
        valid.image('PNG', mode='I;16'),
        valid.image('GIF', mode='P'),
        valid.image('BMP'),
        valid.image('WEBP'),
        valid.image('TIFF'),
        valid.image('TIFF', compression='tiff_lzw'),
        valid.image('PPM'),
    ]
    yield Target('images', 'a.tif', pictures, change_png, _image)


def _weights(path: Path) -> None:
    _state(path)
    class_names(Config(dict()), path)


def _state(path: Path) -> None:
    read_state(str(path))


def _config(path: Path) -> None:
    checkpoint_config(path)


def _image(path: Path) -> None:
    """All ways to read an image, of which the last refuses what the others do, or more."""
    with suppress(ValueError, OSError):
        read_image(str(path))
    with suppress(ValueError):
        look_at_header(str(path))
    with suppress(ValueError):
        check_headers([str(path)])
    _data_set(str(path))[0]


@cache
def _data_set(path: str) -> WSOLDataset:
    (Path(path).parent / 'list.txt').write_text(f'{path} 0')
    rows = dict(type='mmpretrain.CustomDataset', ann_file=f'{Path(path).parent}/list.txt')
    return WSOLDataset(rows, pipeline=[dict(type='LoadResizedImage', scale=(16, 16))])
