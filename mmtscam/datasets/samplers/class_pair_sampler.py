"""A sampler of pairs of images of one class."""

import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from torch.utils.data import Sampler

from mmtscam.datasets.labels import labels_of
from mmtscam.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassPairSampler(Sampler):
    """Pairs of images of one class, one pair after the other, for losses that compare the two.

    The classes take turns in an order that is drawn for each epoch, so that
    as many pairs in a row as there are classes are all of different classes.
    A class goes through its own images, in an order of their own, again and
    again. Every class is thus seen equally often: one with many images does
    not show all of them in an epoch. An epoch has a pair for every two
    images of the data set, and a few more where processes would not get
    equally many.

    The processes take turns with the pairs. Together they see the batch that
    one process would see with as many times the batch size. The batch size
    must be even, or a pair would be parted.

    Args:
        dataset: Data set with one label an image. Its labels are read
            without loading an image; what joins or repeats data sets will
            do.
        shuffle: Whether to draw the orders; else classes and images come in
            theirs.
        seed: Seed of the orders, the same in all processes; one that they
            agree on by default.

    Raises:
        ValueError: If the data set does not give one label an image, or has
            no image.
    """

    def __init__(self, dataset: Any, shuffle: bool = True, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        labels = labels_of(dataset)
        if labels is None or not len(labels):
            raise ValueError(
                f'ClassPairSampler needs one label an image, which {type(dataset).__name__} does not give: set '
                'train_dataloader.dataset to a data set of images with gt_label, such as WSOLDataset'
            )
        by_class = np.argsort(labels, kind='stable')
        classes, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
        self._images = np.split(by_class, starts[1:])
        self._pairs_each = math.ceil(math.ceil(len(dataset) / 2) / self.world_size)
        _say_single(classes[sizes == 1].tolist(), dataset)

    def __iter__(self) -> Iterator[int]:
        """Indices of this process's images; those of a pair follow each other."""
        generator = torch.Generator()
        generator.manual_seed(self.seed + self.epoch)

        def order(number: int) -> np.ndarray:
            return (torch.randperm(number, generator=generator) if self.shuffle else torch.arange(number)).numpy()

        classes = order(len(self._images))
        # Arrays, because a list has an object for each image.
        images = [own[order(len(own))] for own in self._images]
        for pair in range(self._pairs_each):
            turn, place = divmod(pair * self.world_size + self.rank, len(classes))
            own = images[classes[place]]
            yield int(own[2 * turn % len(own)])
            yield int(own[(2 * turn + 1) % len(own)])

    def __len__(self) -> int:
        """The number of images in this process's epoch."""
        return 2 * self._pairs_each

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes: the orders depend on it and on the seed alone, so a resumed run has them too."""
        self.epoch = epoch


def _say_single(labels: list[int], dataset: Any) -> None:
    """Say how many classes have one image alone, and name the first."""
    if not labels:
        return
    names = getattr(dataset, 'metainfo', {}).get('classes')
    first = names[labels[0]] if names else labels[0]
    print_log(
        f'ClassPairSampler pairs the single image of a class with itself in {len(labels)} classes, first in {first}',
        logger='current',
        level=logging.WARNING,
    )
