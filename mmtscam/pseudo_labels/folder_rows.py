"""Lists of images with their classes, from a folder."""

import os
import os.path as osp
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from mmtscam.utils.class_names import find_class
from mmtscam.utils.images import list_images

from .image_rows import ImageRow

_NO_LABEL = -1
_AT_ONCE = 1000


class FolderRows(Sequence[ImageRow]):
    """The images of a folder, of which the bytes of their names are kept.

    An object an image takes some hundred bytes, in each of a loader's
    workers. Tensors are shared by all, however the workers are started.

    Args:
        before: The part of the paths of the images before their names.
        rows: Name in the folder and label of each image; no label where it is
            not known.
    """

    def __init__(self, before: str, rows: Iterable[tuple[str, int | None]]) -> None:
        self._before = before
        content, ends, labels = bytearray(), array('q', [0]), array('q')
        for name, label in rows:
            content += os.fsencode(name)  # names of files need not be text
            ends.append(len(content))
            labels.append(_NO_LABEL if label is None else label)
        self._content = torch.frombuffer(content, dtype=torch.uint8)
        self._ends = torch.frombuffer(ends, dtype=torch.int64)
        self._labels = torch.frombuffer(labels, dtype=torch.int64)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._labels)

    def __getitem__(self, index: Any) -> Any:
        """One image."""
        number = range(len(self))[index]
        return next(self._read(number, number + 1))

    def __iter__(self) -> Iterator[ImageRow]:
        """All images in their order."""
        for first in range(0, len(self), _AT_ONCE):
            yield from self._read(first, min(first + _AT_ONCE, len(self)))

    def _read(self, first: int, last: int) -> Iterator[ImageRow]:
        ends, labels = self._ends[first : last + 1].tolist(), self._labels[first:last].tolist()
        content = self._content[ends[0] : ends[-1]].numpy().tobytes()
        for place, label in enumerate(labels):
            name = os.fsdecode(content[ends[place] - ends[0] : ends[place + 1] - ends[0]])
            path = self._before + name.replace('/', osp.sep)
            yield ImageRow(path, name, None if label == _NO_LABEL else label, first + place)


def folder_rows(folder: str, classes: Sequence[str] | None, count: int) -> FolderRows:
    """The images in a folder and those below it, in the order of their paths.

    Args:
        folder: The folder.
        classes: Names of the model's classes, if the names of the folders tell
            the images' classes, perhaps with a number before the name
            (``001.Name``); ``None`` where the classes are not wanted.
        count: Number of the model's classes.

    Returns:
        The rows of the images, named by their paths in the folder.

    Raises:
        FileNotFoundError: If there is no folder, or no image in it.
        ValueError: If the name of a folder is none of the classes.
    """
    if classes is not None and not classes:
        raise ValueError(
            f'{folder}: the names of the classes, which its folders should have, are not known: label what is '
            "predicted (labels='predicted')"
        )
    root = str(Path(folder))
    before = '' if root == osp.curdir else osp.join(root, '')
    paths, labels = list_images(folder), dict[str, int | None]()

    def label(path: str, name: str) -> int | None:
        if classes is None:
            return None
        kind, _, rest = name.partition('/')
        if not rest:
            raise ValueError(
                f'{path}: lies in no folder that is named as its class; put the images of a class into '
                f"{osp.join(folder, 'CLASS')}, or label what is predicted (labels='predicted')"
            )
        if kind not in labels:
            try:
                labels[kind] = _folder_label(kind, classes, count)
            except ValueError as error:
                raise ValueError(f"{osp.join(folder, kind)}: {error}; or use labels='predicted'") from error
        return labels[kind]

    names = ((path, path.removeprefix(before).replace(osp.sep, '/')) for path in paths)
    return FolderRows(before, ((name, label(path, name)) for path, name in names))


def _folder_label(kind: str, classes: Sequence[str], count: int) -> int:
    """The class whose name a folder has, with or without a number before it."""
    name = kind if kind in classes else re.sub(r'^\d+\.', '', kind)
    if name.strip().isdecimal() and name not in classes:  # users may give an index, but a folder's number is hardly one
        raise ValueError(f'class {kind!r}: not among the {count} classes of the model')
    return find_class(name, classes, count)
