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

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmtscam.evaluation.samples import image_key, map_kinds, predicted_label, to_array, true_class_rank
from mmtscam.structures import MapKind
from mmtscam.utils.files import unfinished

_FORMAT = 'mmtscam maps 2'
_INDEX = 'maps.json'
_DRAWN = ('map_kind', 'threshold', 'threshold_rule', 'protocol')


class MapPart:
    """A growing file of maps, as one process writes it.

    Args:
        path: The file; it is replaced.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._zip = zipfile.ZipFile(self.path, 'w', zipfile.ZIP_DEFLATED)
        self._written: set[int] = set()
        self._kinds: tuple[MapKind, ...] = ()

    def add(self, sample: dict) -> None:
        """Write a sample; one that is there already, as samplers repeat them, is left out.

        Args:
            sample: A :class:`LocDataSample` as a dict.

        Raises:
            ValueError: If it has no maps or other kinds than the samples
                before it, or none of ``number``, which the loops of this
                package give, ``sample_idx`` and ``img_id``.
        """
        index = sample.get('number', sample.get('sample_idx', sample.get('img_id')))
        if index is None or 'class_maps' not in sample:
            raise ValueError(f'{sample.get("img_path", "a sample")}: maps are saved of samples with img_id, class_maps')
        if index in self._written:
            return
        kinds = tuple(map_kinds(sample).values())
        if not kinds or kinds != (self._kinds or kinds):
            raise ValueError(
                f'{sample.get("img_path", "a sample")}: its kinds of map are not those of the maps before it'
            )
        if not self._kinds:
            self._kinds = kinds
            self._zip.writestr(_member(_INDEX), json.dumps([kind._asdict() for kind in kinds]), zipfile.ZIP_DEFLATED)
        self._written.add(index)
        info, arrays = _pack(sample)
        _write_image(self._zip, index, json.dumps(info).encode(), arrays)

    def close(self) -> None:
        """Finish the file."""
        self._zip.close()


def merge_parts(
    parts: Sequence[str | os.PathLike],
    path: str | os.PathLike,
    size: int,
    classes: Sequence[str] = (),
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Make one file of the parts that several processes wrote, and remove them.

    Args:
        parts: Closed files of :class:`MapPart`.
        path: The file of maps.
        size: Number of images in the data set.
        classes: Names of its classes.
        origin: Config and checkpoint, for the record.

    Raises:
        ValueError: If an image is missing.
    """
    opened = [_open_part(part) for part in parts]
    members: dict[int, tuple[zipfile.ZipFile, list[str]]] = {}
    kinds: list[dict] = []
    for file in opened:
        own: dict[int, list[str]] = {}
        for name in file.namelist():
            if name == _INDEX:
                kinds = json.loads(file.read(name))
            else:
                own.setdefault(int(name[:8]), []).append(name)
        members.update({image: (file, names) for image, names in own.items() if image not in members})
    if missing := sorted(set(range(size)) - set(members)):
        raise ValueError(f'{path}: no maps of image {missing[0]}, and of {len(missing) - 1} others of {size}')
    index = dict(format=_FORMAT, images=size, classes=list(classes), map_kinds=kinds, origin=dict(origin or {}))
    with unfinished(path) as temporary, zipfile.ZipFile(temporary, 'w', zipfile.ZIP_DEFLATED) as merged:
        for image in range(size):
            file, names = members[image]
            for name in names:
                merged.writestr(_member(name), file.read(name), zipfile.ZIP_DEFLATED)
        merged.writestr(_member(_INDEX), json.dumps(index), zipfile.ZIP_DEFLATED)
    for file, part in zip(opened, parts, strict=True):
        file.close()
        Path(part).unlink()


def _open_part(path: str | os.PathLike) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f'{path}: this part of the maps is cut off: {error}') from error


class MapFile:
    """Samples from a file of maps; iterating reads one after the other.

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
            self._zip = zipfile.ZipFile(path)
            index = json.loads(self._zip.read(_INDEX))
            if index['format'] != _FORMAT:
                raise ValueError(f'it is of another version, {index["format"]!r} instead of {_FORMAT!r}')
            self._size = int(index['images'])
            self.classes = tuple(index['classes'])
            self.map_kinds = tuple(MapKind(**kind) for kind in index['map_kinds'])
            self.origin = index['origin']
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise ValueError(f'{path}: not a file of maps that SaveMapsHook wrote: {error!r}') from error
        self._names: dict[int, list[str]] = {}
        seen = set()
        for name in self._zip.namelist():
            if name in seen:
                raise ValueError(f'{path}: {name} is there twice')
            seen.add(name)
            if name != _INDEX:
                if not name[:8].isdecimal():
                    raise ValueError(f'{path}: {name} is no part of a file of maps')
                self._names.setdefault(int(name[:8]), []).append(name)
        for image in range(self._size):
            if f'{image:08d}.json' not in seen:
                raise ValueError(f'{path}: image {image} of {self._size} is missing')

    def __len__(self) -> int:
        """Number of images."""
        return self._size

    def __iter__(self) -> Iterator[dict]:
        """Yield samples as metrics take them, with arrays for tensors."""
        for image in range(self._size):
            yield self._read(image)

    def image_ids(self) -> Iterable[str]:
        """Ids of the images."""
        return (json.loads(self._zip.read(f'{image:08d}.json'))['image_id'] for image in range(self._size))

    def _read(self, image: int) -> dict:
        key = f'{image:08d}'
        try:
            info = json.loads(self._zip.read(f'{key}.json'))
            arrays = {
                name[len(key) + 1 : -len('.npy')]: np.load(io.BytesIO(self._zip.read(name)), allow_pickle=False)
                for name in self._names[image]
                if name.endswith('.npy')
            }
            return _unpack(image, info, arrays, self.map_kinds)
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError) as error:
            raise ValueError(f'{self.path}: image {image} cannot be read: {error!r}') from error


def _member(name: str) -> zipfile.ZipInfo:
    """A member without the time of writing, so that the same maps are the same file."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _write_image(file: zipfile.ZipFile, image: int, info: bytes, arrays: Mapping[str, np.ndarray]) -> None:
    key = f'{image:08d}'
    file.writestr(_member(f'{key}.json'), info, zipfile.ZIP_DEFLATED)
    for name, array in arrays.items():
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        file.writestr(_member(f'{key}/{name}.npy'), content.getvalue(), zipfile.ZIP_DEFLATED)


def _pack(sample: dict) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    class_maps = sample['class_maps']
    labels = to_array(class_maps['labels'])
    arrays = {'labels': labels}
    if 'pred_score' in sample:
        arrays['scores'] = to_array(sample['pred_score'])[labels]
    for name, kind in map_kinds(sample).items():
        maps = to_array(class_maps[name])
        arrays[name] = maps[0] if kind.class_agnostic else maps
    if 'gt_sem_seg' in sample:
        arrays['mask'] = to_array(sample['gt_sem_seg']['sem_seg'])[0]
    truth = sample.get('gt_instances')
    info = dict(
        img_path=sample.get('img_path'),
        image_id=image_key(sample),
        gt_label=int(sample['gt_label']) if 'gt_label' in sample else None,
        gt_rank=true_class_rank(sample) if 'gt_label' in sample else None,
        pred_label=predicted_label(sample),
        ori_shape=[int(side) for side in sample['ori_shape'][:2]],
        gt_boxes=None if truth is None else to_array(truth['bboxes']).astype(np.float64).tolist(),
        set_name=sample.get('set_name'),
        drawn={name: class_maps[name] for name in _DRAWN if name in class_maps},
    )
    return info, arrays


def _unpack(
    image: int, info: Mapping[str, Any], arrays: dict[str, np.ndarray], kinds: Sequence[MapKind]
) -> dict[str, Any]:
    mask = arrays.pop('mask', None)
    if 'labels' not in arrays:
        raise ValueError('it has no labels')
    for kind in kinds:
        if kind.name not in arrays:
            raise ValueError(f'it has no maps of the kind {kind.name!r}')
        if kind.class_agnostic:
            # One object for all classes: whoever draws maps need not draw it twice.
            arrays[kind.name] = np.broadcast_to(arrays[kind.name], (len(arrays['labels']), *arrays[kind.name].shape))
    drawn = info['drawn']
    class_maps: dict[str, Any] = {**arrays, **drawn, 'map_kinds': tuple(kinds)}
    if 'map_kind' in drawn:
        class_maps['maps'] = arrays[drawn['map_kind']]
    sample: dict[str, Any] = dict(number=image, img_id=image, ori_shape=tuple(info['ori_shape']), class_maps=class_maps)
    for name in ('img_path', 'image_id', 'gt_label', 'gt_rank', 'pred_label', 'set_name'):
        if info.get(name) is not None:
            sample[name] = info[name]
    if info['gt_boxes'] is not None:
        sample['gt_instances'] = dict(bboxes=np.array(info['gt_boxes'], np.float64).reshape(-1, 4))
    if mask is not None:
        sample['gt_sem_seg'] = dict(sem_seg=mask[None])
    return sample
