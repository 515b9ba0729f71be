"""Rows of a long list of images, kept as small as in its file."""

import os.path as osp
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.fileio import LocalBackend, get_file_backend
from mmpretrain.datasets import CustomDataset

from mmtscam.utils.images import check_headers

_NUMBER = np.dtype('<u4')
_NEW_LINE, _SPACE, _ZERO, _NINE = b'\n 09'
# Bytes that are split at a time. The arrays in between take some times as much memory.
_CHUNK = 1 << 22
# The methods by which mmpretrain's class comes to a row. A subclass may have others.
_READING = ('full_init', 'load_data_list', 'filter_data', 'get_data_info')


class ListedRows(Sequence[dict[str, Any]]):
    """The rows of an annotation file with a path and a label a line.

    A dict or its pickle takes hundreds of bytes a row, and ILSVRC has 1.28
    million rows. Here a row is its number in the list and its line, and
    becomes a dict when it is asked for.

    Args:
        content: (M,) ``uint8``: for each row its number in four bytes, the
            least first, and its line.
        ends: (N,) ``int64``: where each row ends in ``content``.
        labels: (N,) ``int64``: labels of the rows.
        unpack: Makes a row's dict of its bytes.
    """

    def __init__(self, content: np.ndarray, ends: np.ndarray, labels: np.ndarray, unpack: 'UnpackLine') -> None:
        self.content, self.ends, self.labels, self.unpack = content, ends, labels, unpack

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ends)

    def __getitem__(self, index: Any) -> Any:
        """A row's dict, which is new each time, or the rows of a slice."""
        if not isinstance(index, slice):
            start, end = self._bounds(range(len(self))[index])
            return self.unpack(self.content[start:end].tobytes())
        places = range(len(self))[index]
        if places.step != 1 or not places:
            return [self[place] for place in places]
        start, end = self._bounds(places[0])[0], self._bounds(places[-1])[1]
        return ListedRows(self.content[start:end], self.ends[index] - start, self.labels[index], self.unpack)

    def _bounds(self, index: int) -> tuple[int, int]:
        return (int(self.ends[index - 1]) if index else 0), int(self.ends[index])


class RelativePath:
    """A faster ``os.path.relpath`` for large lists, where a path is plain and in the root.

    Args:
        root: The folder to which paths become relative; empty for the current
            one.
    """

    def __init__(self, root: str) -> None:
        self._root, self._prefix = root, osp.join(root, '') if root else ''

    def __call__(self, path: str) -> str:
        """The path in the root."""
        inside = path[len(self._prefix) :]
        if path.startswith(self._prefix) and _is_plain(inside):
            return inside
        return osp.relpath(path, self._root or None)


def _is_plain(path: str) -> bool:
    """Whether a path has no doubled, leading or last separator, hidden file or dots, which ``relpath`` may change."""
    parts = f'/{path}/'
    return '//' not in parts and '/.' not in parts


class UnpackLine:
    """Makes the dict of a row of :class:`ListedRows`.

    Args:
        folder: Folder of the images, before the paths in the lines.
        relative_path: An image's path in the data set to its path in
            ``data_root``.
    """

    def __init__(self, folder: str, relative_path: Callable[[str], str]) -> None:
        self._folder, self._relative_path = folder, relative_path
        self._before_path = osp.join(folder, '')
        self._before_id = relative_path(osp.join(folder, 'x'))[:-1]

    def __call__(self, row: bytes) -> dict[str, Any]:
        """Make a row's dict of its bytes."""
        number = int.from_bytes(row[: _NUMBER.itemsize], 'little')
        name, _, label = row[_NUMBER.itemsize :].decode().partition(' ')
        if _is_plain(name):
            path, image_id = self._before_path + name, self._before_id + name
        else:
            path = osp.join(self._folder, name)
            image_id = self._relative_path(path)
        return dict(img_path=path, gt_label=int(label), img_id=number, image_id=image_id)


def listed_rows(dataset: Any, relative_path: Callable[[str], str]) -> ListedRows | None:
    """Read the annotation file of a data set of mmpretrain that has a path and a label a line.

    Args:
        dataset: A data set whose rows have not been read.
        relative_path: See :class:`UnpackLine`.

    Returns:
        The rows; ``None`` where the class reads its rows otherwise, or where
        a line is no UTF-8, or no path without white space, one space and a
        number. The data set itself is to read these, and tells mistakes.
    """
    if not (
        isinstance(dataset, CustomDataset)
        and all(getattr(type(dataset), name) is getattr(CustomDataset, name) for name in _READING)
        and dataset.ann_file
        and dataset.with_label
        and dataset._indices is None
        and isinstance(get_file_backend(dataset.img_prefix), LocalBackend)
    ):
        return None
    text = get_file_backend(dataset.ann_file).get(dataset.ann_file).replace(b'\r\n', b'\n')
    if text and not text.endswith(b'\n'):
        text += b'\n'
    packed = _pack(text) if _is_utf8(text) else None
    if packed is None:
        return None
    unpack = UnpackLine(dataset.img_prefix, relative_path)
    # The other files need no look, see check_headers.
    check_headers(osp.join(dataset.img_prefix, name) for name in _tiff_names(text))
    return ListedRows(*packed, unpack)


def _tiff_names(text: bytes) -> Iterator[str]:
    # A pattern of whole names would be tried from each letter of the list.
    for match in re.finditer(rb'(?i)\.tiff? ', text):
        yield text[text.rfind(b'\n', 0, match.start()) + 1 : match.end() - 1].decode()


def _is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _pack(text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Content, ends and labels as :class:`ListedRows` has them."""
    count, width = text.count(b'\n'), _NUMBER.itemsize
    content = np.empty(len(text) - count + width * count, np.uint8)
    ends, labels = np.empty(count, np.int64), np.empty(count, np.int64)
    first = size = 0
    for chunk in _chunks(text):
        found = _split(chunk)
        if found is None:
            return None
        starts, lengths, chunk_labels = found
        last = first + len(starts)
        packed_ends = np.cumsum(lengths + width)
        numbers = np.arange(first, last, dtype=_NUMBER)
        packed = content[size : size + int(packed_ends[-1])]
        of_lines = np.ones(len(packed), bool)
        places = (packed_ends - lengths - width)[:, None] + np.arange(width)
        of_lines[places] = False
        packed[places] = numbers.view(np.uint8).reshape(-1, width)
        packed[of_lines] = chunk[chunk != _NEW_LINE]
        ends[first:last], labels[first:last] = size + packed_ends, chunk_labels
        first, size = last, size + len(packed)
    return content, ends, labels


def _chunks(text: bytes) -> Iterator[np.ndarray]:
    """Whole lines, some megabytes of them at a time."""
    start = 0
    while start < len(text):
        end = text.find(b'\n', start + _CHUNK) + 1 or len(text)
        yield np.frombuffer(text, np.uint8, end - start, start)
        start = end


def _split(chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Where lines start, how long they are, and their labels; ``None`` where a line is not as it must be."""
    line_ends, spaces = np.flatnonzero(chunk == _NEW_LINE), np.flatnonzero(chunk == _SPACE)
    starts = np.concatenate([[0], line_ends[:-1] + 1])
    if len(spaces) != len(line_ends) or not ((starts < spaces) & (spaces < line_ends - 1)).all():
        return None
    # White space at the start of a name would be stripped; beyond ASCII there is more than one kind.
    if ((chunk < _SPACE) & (chunk != _NEW_LINE)).any() or (chunk[starts] > 127).any():
        return None
    digits = line_ends - spaces - 1
    labels = np.zeros(len(starts), np.int64)
    if digits.max() > 9:
        return None
    for place in range(int(digits.max())):
        rows = np.flatnonzero(digits > place)
        digit = chunk[line_ends[rows] - 1 - place]
        if ((digit < _ZERO) | (digit > _NINE)).any():
            return None
        labels[rows] += (digit - _ZERO).astype(np.int64) * 10**place
    return starts, line_ends - starts, labels
