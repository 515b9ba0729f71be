"""Inputs of both sides of the benchmark: reproducible images, classes and boxes."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from PIL import Image
from torch import Tensor

from mmtscam.registry import DATASETS
from mmtscam.structures import LocDataSample

from .plain import Box
from .settings import Setting

ORIGINAL_SIZE = (500, 375)  # width and height of the original images, typical of CUB and ILSVRC
_LOADED_IMAGES = 64


@dataclass(frozen=True)
class Batch:
    """Images with their classes and boxes.

    Attributes:
        images: ``(B, 3, S, S)`` ``uint8`` RGB.
        labels: True class of each image.
        boxes: True box of each, in the original image.
        first: Index of the first image.
    """

    images: Tensor
    labels: list[int]
    boxes: list[Box]
    first: int


def make_batches(setting: Setting, cfg: Config) -> list[Batch]:
    """Make batches of noise with boxes of every size, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    rng = np.random.default_rng(0)
    size, classes = cfg.model.backbone.img_size, cfg.model.head.num_classes
    batches = []
    for first in range(0, setting.batches * setting.batch_size, setting.batch_size):
        shape = (setting.batch_size, 3, size, size)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        starts = rng.uniform(0, 0.4, (setting.batch_size, 2)) * ORIGINAL_SIZE
        ends = rng.uniform(0.6, 1, (setting.batch_size, 2)) * ORIGINAL_SIZE
        boxes = [(int(x1), int(y1), int(x2), int(y2)) for (x1, y1), (x2, y2) in zip(starts, ends, strict=True)]
        labels = [index % classes for index in range(first, first + setting.batch_size)]
        batches.append(Batch(images, labels, boxes, first))
    return batches


def our_batch(batch: Batch) -> dict:
    """A batch in the form that our data loader gives."""
    width, height = ORIGINAL_SIZE
    side = batch.images.shape[-1]
    samples = []
    for index, (label, box) in enumerate(zip(batch.labels, batch.boxes, strict=True), batch.first):
        sample = LocDataSample(
            metainfo=dict(
                img_id=index,
                img_path=f'{index}.jpg',
                ori_shape=(height, width),
                img_shape=(side, side),
                scale_factor=(side / width, side / height),
            )
        )
        sample.set_gt_label(label)
        sample.gt_instances = InstanceData(bboxes=torch.tensor([box], dtype=torch.float32))
        samples.append(sample)
    return dict(inputs=batch.images.flip(1), data_samples=samples)  # BGR, as OpenCV reads


@contextmanager
def image_files(cfg: Config, count: int = _LOADED_IMAGES) -> Iterator[dict[str, Any]]:
    """Image files to load: the first of the config's training set, or generated ones where it is missing.

    Yields:
        ``files``, the paths of ``count`` files, and ``generated``, as in
        :class:`~.settings.Setting`. Generated files are removed at the end.
    """
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    with tempfile.TemporaryDirectory(prefix='benchmark_') as folder:
        generated = False
        try:
            dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []})
            paths = [dataset.get_data_info(index)['img_path'] for index in range(min(len(dataset), count))]
        except FileNotFoundError:
            paths, generated = draw_images(Path(folder), count), True
        yield dict(files=tuple(itertools.islice(itertools.cycle(paths), count)), generated=generated)


def draw_images(folder: Path, count: int) -> list[str]:
    """Write JPEGs of smooth noise; return their paths."""
    rng = np.random.default_rng(0)
    paths = [str(folder / f'{index}.jpg') for index in range(count)]
    for path in paths:
        pixels = rng.integers(256, size=(ORIGINAL_SIZE[1] // 4, ORIGINAL_SIZE[0] // 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(ORIGINAL_SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return paths
