"""Lists of images with their classes, from a data set."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmtscam.datasets.packed_rows import PackedRows
from mmtscam.registry import BOX_READERS, DATASETS
from mmtscam.utils.config import config_name, type_name


class ImageRow(NamedTuple):
    """One image.

    Attributes:
        path: Path of the file.
        name: Its path in the data set, as the COCO file names it.
        label: Index of its class, ``None`` where it is not known.
        number: Its id in COCO files, the one that ``write_true_boxes`` gives
            it: its place in the data set or, where the data set's own boxes
            come from a COCO file, its id there.
    """

    path: str
    name: str
    label: int | None
    number: int


class DatasetRows(Sequence[ImageRow]):
    """The images of one of a config's data sets; rows are read on request.

    Args:
        cfg: The config.
        split: ``'train'``, ``'val'`` or ``'test'``, the dataloader whose data
            set is meant.

    Attributes:
        classes: Names of the data set's classes.

    Raises:
        FileNotFoundError: If an annotation file is missing.
        ValueError: If the config has no such data set, or it has no images.
    """

    def __init__(self, cfg: Config, split: str) -> None:
        self._rows = build_dataset(cfg, split)
        self._boxes = _box_reader(cfg, split)
        self.classes: tuple[str, ...] = tuple(self._rows.metainfo.get('classes') or ())

    def __len__(self) -> int:
        """Number of images."""
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """One image."""
        return self._row(index, self._rows.get_data_info(index))

    def __iter__(self) -> Iterator[ImageRow]:
        """All images in their order."""
        infos = (
            self._rows.data_infos()
            if isinstance(self._rows, PackedRows)
            else map(self._rows.get_data_info, range(len(self)))
        )
        return map(self._row, range(len(self)), infos)

    def _row(self, index: int, info: dict[str, Any]) -> ImageRow:
        # WSOLDataset's image_id is the same wherever the data set lies.
        name = info.get('image_id', info['img_path'])
        number = self._boxes.img_id(info['img_path']) if self._boxes else None
        return ImageRow(info['img_path'], str(name), info.get('gt_label'), index if number is None else number)


def _box_reader(cfg: Config, split: str) -> Any:
    """The reader of a data set's own boxes, for the ids of its images; ``None`` where there is none, or no file."""
    settings = cfg[f'{split}_dataloader'].dataset
    if not settings.get('boxes'):
        return None
    try:
        return BOX_READERS.build(dict(settings.boxes, data_root=settings.get('dataset', {}).get('data_root', '')))
    except FileNotFoundError:
        return None


def build_dataset(cfg: Config, split: str, **changes: Any) -> BaseDataset:
    """Build the data set of a dataloader without boxes or masks, only for its rows.

    Args:
        cfg: The config.
        split: See :class:`DatasetRows`.
        **changes: Further settings of the data set.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If an annotation file is missing.
        ValueError: If the config has no such data set.
    """
    name = config_name(cfg)
    settings = copy.deepcopy((cfg.get(f'{split}_dataloader') or {}).get('dataset'))
    if not settings:
        raise ValueError(f'{name}: has no {split}_dataloader.dataset; name another split, or a folder of images')
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    settings.update(pipeline=[], test_mode=True)
    for key in ('boxes', 'masks'):
        settings.pop(key, None)
    settings.update(changes)
    try:
        dataset = DATASETS.build(settings)
    except TypeError as error:  # ConcatDataset and other wrappers take neither pipeline nor test_mode
        raise ValueError(
            f'{name}: {split}_dataloader.dataset, a {type_name(settings.type)}, cannot be built for its rows: {error}; '
            'set it to one data set, and label each by itself'
        ) from error
    dataset.full_init()
    return dataset
