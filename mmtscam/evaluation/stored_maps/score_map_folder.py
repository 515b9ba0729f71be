"""Score maps that other code wrote, in the layout of the WSOL benchmark."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset

from .arrays import read_array


class ScoreMapFolder:
    """Samples from a folder of ``IMAGE_ID.npy`` maps of the true class; iterating reads one after the other.

    Args:
        folder: Folder of ``(h, w)`` float arrays, stored under the images'
            ids with ``.npy`` behind: ``test/001.Bird/a.jpg.npy``.
        dataset: Gives, image by image, ``image_id``, ``img_path``,
            ``gt_label`` and ``ori_shape`` and, where they are known, true
            boxes (``instances``) and mask (``gt_mask``): a
            :class:`~mmtscam.datasets.WSOLDataset` around a
            :class:`~mmtscam.datasets.WSOLBenchmark`, without a pipeline.

    Raises:
        FileNotFoundError: If the folder or a map is missing.
        ValueError: If the data set does not know the images' sizes.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, folder: str | os.PathLike, dataset: BaseDataset) -> None:
        self.folder = Path(folder)
        self._dataset = dataset
        if not self.folder.is_dir():
            raise FileNotFoundError(f'{folder}: folder of score maps not found')
        missing = [path for path in map(self._map_path, range(len(dataset))) if not path.is_file()]
        if missing:
            raise FileNotFoundError(
                f'{missing[0]}: score map not found ({len(missing)} of {len(dataset)} are missing): the maps must be '
                "stored under the ids in the metadata's image_ids.txt"
            )
        if len(dataset) and 'ori_shape' not in dataset.get_data_info(0):
            raise ValueError('without image_sizes.txt in the metadata, true boxes cannot be brought to the frame')

    def __len__(self) -> int:
        """Number of images."""
        return len(self._dataset)

    def __iter__(self) -> Iterator[dict]:
        """Yield samples as metrics take them, with arrays for tensors."""
        for index in range(len(self)):
            info = self._dataset[index]
            path = self._map_path(index)
            try:
                score_map = read_array(path.read_bytes())
            except ValueError as error:
                raise ValueError(f'{path}: not a stored array of numbers: {error}') from error
            sample = dict(
                number=index,
                img_id=index,
                img_path=info['image_id'],
                image_id=info['image_id'],
                gt_label=info['gt_label'],
                ori_shape=info['ori_shape'],
                class_maps=dict(labels=np.array([info['gt_label']]), maps=[score_map]),
            )
            if 'instances' in info:
                boxes = np.array([box['bbox'] for box in info['instances']], np.float64).reshape(-1, 4)
                sample['gt_instances'] = dict(bboxes=boxes)
            if 'gt_mask' in info:
                sample['gt_sem_seg'] = dict(sem_seg=info['gt_mask'][None])
            yield sample

    def image_ids(self) -> Iterable[str]:
        """Ids of the images."""
        return (self._dataset.get_data_info(index)['image_id'] for index in range(len(self)))

    def _map_path(self, index: int) -> Path:
        return self.folder / f'{self._dataset.get_data_info(index)["image_id"]}.npy'
