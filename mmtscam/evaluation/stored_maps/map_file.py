"""Maps of a run in one compressed file, to be scored again without the model.

The file is a ``.npz``: ``numpy.load`` opens it. ``KEY`` counts images from
``00000000`` in the order of the data set:

- ``KEY/labels`` ``(k,)`` ``int64`` and ``KEY/scores`` ``(k,)`` ``float32``:
  the classes that have maps and their scores;
- ``KEY/NAME`` ``(k, h, w)``: their maps at token resolution, for every kind
  of map; ``(h, w)`` where one serves all classes;
- ``KEY/mask`` ``(H, W)`` ``uint8`` where there is a true mask;
- ``KEY.json``: path and id, true label and its rank among the scores, predicted
  label, size of the image, true boxes in its pixels, name of its set where
  several were joined, and how boxes were drawn: kind of map, threshold,
  protocol;
- ``maps.json``: format, number of images, class names, kinds of map, origin.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from mmtscam.utils.json_files import parse_json

from .arrays import read_array
from .map_content import class_maps_of, facts_of, parse_kinds
from .map_index import FORMAT, INDEX, MapIndex
from .zip_members import Member, read_content, read_members

# Errors of a file whose content is not as it must be.
_BROKEN = (BadZipFile, KeyError, ValueError, TypeError, OverflowError)
# Bytes of what is said of an image, and of the names of all classes.
_MOST_TEXT = 1 << 24


class MapFile:
    """Samples from a file of maps; iterating reads one after the other.

    In memory is where each image's maps lie, not the maps.

    Args:
        path: The file.

    Attributes:
        classes: Names of the classes.
        map_kinds: The kinds of map in it, the one that localises first.
        origin: Config and checkpoint with which they were made.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it is not such a file, or an image is missing or
            doubled.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        if not Path(path).is_file():
            raise FileNotFoundError(f'{path}: file of maps not found; SaveMapsHook writes one in a test')
        try:
            with self._open() as file:
                self._index = MapIndex(read_members(file))
                if self._index.head is None:
                    raise KeyError(INDEX)
                index = _text(file, self._index.head)
            if index['format'] != FORMAT:
                raise ValueError(f'it is of another version, {index["format"]!r} instead of {FORMAT!r}')
            self._size = index['images']
            self.classes = tuple(index['classes'])
            self.map_kinds = parse_kinds(index['map_kinds'])
            self.origin = index['origin']
            if type(self._size) is not int or self._size < 0 or not isinstance(self.origin, dict):
                raise ValueError('it does not say how many images it has, and where they come from')
            if not all(isinstance(name, str) for name in self.classes):
                raise ValueError('its names of classes are no texts')
        except _BROKEN as error:
            raise ValueError(f'{path}: not a file of maps that SaveMapsHook wrote: {error!r}') from error
        if self._index.problem:
            raise ValueError(f'{path}: {self._index.problem}')
        images = self._index.images_with('.json')[: self._size]
        # They are in order: each is at its own place up to the first that is missing.
        missing = np.flatnonzero(images != np.arange(len(images)))
        if len(images) < self._size or len(missing):
            raise ValueError(f'{path}: image {[*missing, len(images)][0]} of {self._size} is missing')

    def __len__(self) -> int:
        """Number of images."""
        return self._size

    def __iter__(self) -> Iterator[dict]:
        """Yield samples as metrics take them, with arrays for tensors."""
        with self._open() as file:
            for image in range(self._size):
                yield self._read(file, image)

    def __getitem__(self, image: int) -> dict:
        """Read the sample of one image, and nothing of the others."""
        with self._open() as file:
            return self._read(file, range(self._size)[image])

    def facts(self) -> Iterator[dict]:
        """Yield samples without maps and masks, which are not read."""
        with self._open() as file:
            for image in range(self._size):
                with self._naming(image):
                    yield facts_of(image, _info(file, self._index.members(image)))

    def image_ids(self) -> Iterator[str]:
        """Ids of the images.

        Raises:
            ValueError: If an image has none.
        """
        for image, sample in enumerate(self.facts()):
            if 'image_id' not in sample:
                raise ValueError(f'{self.path}: image {image} has no id')
            yield sample['image_id']

    def _open(self) -> BinaryIO:
        return Path(self.path).open('rb')

    @contextmanager
    def _naming(self, image: int) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise ValueError(f'{self.path}: image {image} cannot be read: {error!r}') from error

    def _read(self, file: BinaryIO, image: int) -> dict:
        with self._naming(image):
            members = self._index.members(image)
            info = _info(file, members)
            arrays = {
                rest[1 : -len('.npy')]: read_array(read_content(file, member))
                for rest, member in members.items()
                if rest.endswith('.npy')
            }
            mask = arrays.pop('mask', None)
            sample = dict(facts_of(image, info), class_maps=class_maps_of(info['drawn'], arrays, self.map_kinds))
            if mask is not None:
                if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
                    raise ValueError(f'its mask is of {mask.dtype} and has the shape {mask.shape}')
                sample['gt_sem_seg'] = dict(sem_seg=mask[None])
            return sample


def _text(file: BinaryIO, member: Member) -> Any:
    return parse_json(read_content(file, member, _MOST_TEXT), member.name)


def _info(file: BinaryIO, members: Mapping[str, Member]) -> dict[str, Any]:
    return _text(file, members['.json'])
