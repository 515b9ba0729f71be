"""Rows of a data set, packed in memory that the workers of a loader share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dataset import force_full_init
from mmpretrain.datasets import BaseDataset

from .listed_rows import ListedRows, UnpackLine

# Rows of a long list that are read at a time.
_AT_ONCE = 1000
# No label is larger: sums of labels fit into 64 bits.
_LABELS = 1 << 31


class _SharedArray:
    """An attribute with an array, whose memory is kept as a tensor.

    A process that is forked has the memory of the one before it. One that a
    loader spawns gets a copy of an array, but of a tensor the memory itself.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, dataset: Any, array: np.ndarray | torch.Tensor) -> None:
        dataset.__dict__[self._name] = torch.as_tensor(array)

    def __get__(self, dataset: Any, owner: type | None = None) -> np.ndarray:
        try:
            return dataset.__dict__[self._name].numpy()
        except KeyError:
            raise AttributeError(f'the data set has no {self._name} yet') from None


class PackedRows(BaseDataset):
    """A data set of mmpretrain's kind that keeps its rows small.

    Rows that :meth:`load_data_list` gives as
    :class:`~mmtscam.datasets.listed_rows.ListedRows` stay as they are; others
    become pickles, as mmengine does it. Labels are kept beside them.
    """

    data_bytes = _SharedArray()
    data_address = _SharedArray()
    _unpack: UnpackLine | None = None
    # The addresses for which they are the labels, and the labels.
    _labels: tuple[torch.Tensor, np.ndarray] | None = None

    def _serialize_data(self) -> tuple[np.ndarray, torch.Tensor]:
        rows: Any = self.data_list
        if isinstance(rows, ListedRows):
            self.data_list: list[dict] = []
            self._unpack, address = rows.unpack, torch.from_numpy(rows.ends)
            self._labels = address, rows.labels
            return rows.content, address
        labels = [info.get('gt_label') for info in rows]
        for place, label in enumerate(labels):
            if type(label) is int and not -_LABELS <= label < _LABELS:
                raise ValueError(f'{rows[place].get("img_path", "a row")}: label {label} is no index of a class')
        data_bytes, data_address = super()._serialize_data()
        address = torch.from_numpy(data_address)
        if all(type(label) is int for label in labels):
            self._labels = address, np.array(labels, np.int64)
        return data_bytes, address

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """A row, a new dict each time.

        Args:
            idx: Index of the image, from the end where it is negative.

        Returns:
            The row as :meth:`load_data_list` has it, with ``sample_idx``.
        """
        # mmengine does not find the first image by its place from the end.
        if self._unpack is None:
            return super().get_data_info(range(len(self))[idx])
        ends = self.data_address
        place = range(len(ends))[idx]
        start = ends[place - 1] if place else 0
        info = self._unpack(self.data_bytes[start : ends[place]].tobytes())
        info['sample_idx'] = place
        return info

    @force_full_init
    def data_infos(self) -> Iterator[dict]:
        """Go through all rows.

        Yields:
            The rows in their order, as :meth:`get_data_info` gives them. It
            takes less time than asking for one after another.
        """
        # A subclass may change the dicts of the rows.
        if self._unpack is None or type(self).get_data_info is not PackedRows.get_data_info:
            yield from map(self.get_data_info, range(len(self)))
            return
        start = 0
        for first in range(0, len(self), _AT_ONCE):
            ends = self.data_address[first : first + _AT_ONCE].tolist()
            content = self.data_bytes[start : ends[-1]].tobytes()
            starts = [start, *ends[:-1]]
            for place, (row_start, row_end) in enumerate(zip(starts, ends, strict=True), first):
                info = self._unpack(content[row_start - start : row_end - start])
                info['sample_idx'] = place
                yield info
            start = ends[-1]

    def get_gt_labels(self) -> np.ndarray:
        """The labels of all images, at once where each has one.

        Returns:
            (N,) ``int64``.

        Raises:
            KeyError: If an image has no label.
        """
        # After taking a subset, the rows are no longer those of the kept labels.
        if self._labels is None or self._labels[0] is not self.__dict__.get('data_address'):
            return super().get_gt_labels()
        return self._labels[1].copy()
