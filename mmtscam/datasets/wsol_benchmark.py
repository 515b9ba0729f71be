"""Data sets in the layout of the WSOL benchmark."""

import os.path as osp
from collections.abc import Callable
from typing import Any, TypeVar

from mmpretrain.datasets import BaseDataset

from mmtscam.registry import DATASETS

from .annotation_files import find_file, read_comma_rows

T = TypeVar('T')


@DATASETS.register_module()
class WSOLBenchmark(BaseDataset):
    """Reads the text files of the WSOL benchmark of Choe et al.

    ``image_ids.txt`` lists the images, each by its path in ``data_root``.
    ``class_labels.txt`` has a row ``image_id,label`` for each, with labels
    from 0. ``image_sizes.txt`` has rows ``image_id,width,height``; this file
    is optional. The images need not be there as long as none is loaded.

    Args:
        data_root: Folder to which the image ids are relative.
        metadata: Folder with the text files, relative to ``data_root`` or
            absolute.
        **kwargs: Further arguments of mmpretrain's ``BaseDataset``:
            ``metainfo``, ``classes``, ...

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a row is malformed or doubled, an image has no row in
            a file or a row no image.
    """

    def __init__(self, data_root: str, metadata: str, **kwargs: Any) -> None:
        self._metadata = metadata
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the text files.

        Returns:
            One dict an image with ``img_path``, ``gt_label``, ``image_id``
            and, where the sizes are known, ``ori_shape`` (height, width).
        """
        rows: dict[str, str] = {}
        for row, (image_id,) in read_comma_rows(self._find('image_ids.txt'), 'image_id'):
            if image_id in rows:
                raise ValueError(f'{row}: a second row for image {image_id}')
            rows[image_id] = row
        if not rows:
            raise ValueError(f'{self._find("image_ids.txt")}: lists no image')

        labels = _read_values(self._find('class_labels.txt'), 'image_id,label', rows, _parse_label)
        data_list: list[dict] = [
            dict(img_path=osp.join(self.data_root, image_id), gt_label=labels[image_id], image_id=image_id)
            for image_id in rows
        ]
        if osp.isfile(osp.join(self.data_root, self._metadata, 'image_sizes.txt')):
            sizes = _read_values(self._find('image_sizes.txt'), 'image_id,width,height', rows, _parse_size)
            for info in data_list:
                info['ori_shape'] = sizes[info['image_id']]
        return data_list

    def _find(self, name: str) -> str:
        return find_file(self.data_root, osp.join(self._metadata, name))

    def extra_repr(self) -> list[str]:
        """Lines that describe this data set beyond the base class."""
        return [f'Root of the images: \t{self.data_root}', f'Folder of the text files: \t{self._metadata}']


def _read_values(path: str, columns: str, images: dict[str, str], parse: Callable[[list[str]], T]) -> dict[str, T]:
    """Read one value for each image.

    Args:
        path: The file.
        columns: Its columns, the image's id first.
        images: Where each image is listed, ``FILE:LINE``, by its id.
        parse: Makes the value of a row's columns after the id.

    Returns:
        The values by the images' ids.
    """
    values: dict[str, T] = {}
    for row, (image_id, *words) in read_comma_rows(path, columns):
        if image_id not in images:
            raise ValueError(f'{row}: image {image_id} is not in image_ids.txt')
        if image_id in values:
            raise ValueError(f'{row}: a second row for image {image_id}')
        try:
            values[image_id] = parse(words)
        except ValueError as error:
            raise ValueError(f'{row}: {error}') from None
    for image_id, row in images.items():
        if image_id not in values:
            raise ValueError(f'{row}: image {image_id} has no row in {path}')
    return values


def _parse_label(words: list[str]) -> int:
    if not words[0].isdecimal():
        raise ValueError(f'a label must be a whole number from 0, got {words[0]!r}')
    return int(words[0])


def _parse_size(words: list[str]) -> tuple[int, int]:
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(f'width and height must be whole numbers from 1, got {words[0]!r} and {words[1]!r}')
    width, height = map(int, words)
    return height, width
