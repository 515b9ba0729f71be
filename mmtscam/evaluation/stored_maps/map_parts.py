"""Writing the maps of a run: a part a process, and one file of the parts; see :mod:`.map_file` for its content."""

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mmtscam.evaluation.samples import image_key, map_kinds, predicted_label, to_array, true_class_rank
from mmtscam.structures import MapKind
from mmtscam.utils.files import unfinished
from mmtscam.utils.json_files import parse_json

from .map_index import FORMAT, INDEX, MapIndex
from .zip_members import ZipWriter, read_content, read_members, read_packed, unpack

_DRAWN = ('map_kind', 'threshold', 'threshold_rule', 'protocol')


class MapPart:
    """A growing file of maps, as one process writes it.

    Args:
        path: The file; it is replaced.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._zip = ZipWriter(self.path)
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
            self._zip.add(INDEX, json.dumps([kind._asdict() for kind in kinds]).encode())
        self._written.add(index)
        info, arrays = _pack(sample)
        self._zip.add(f'{index:08d}.json', json.dumps(info).encode())
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            self._zip.add(f'{index:08d}/{name}.npy', content.getvalue())

    def close(self) -> None:
        """Finish the file."""
        self._zip.close()

    def discard(self) -> None:
        """Remove the file, finished or not."""
        self._zip.abandon()
        self.path.unlink(missing_ok=True)


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
        ValueError: If an image is missing, or a part is damaged.
    """
    index = dict(format=FORMAT, images=size, classes=list(classes), map_kinds=[], origin=dict(origin or {}))
    with ExitStack() as stack:
        opened = []
        for part in parts:
            file = stack.enter_context(Path(part).open('rb'))
            with _naming(part):
                opened.append((file, MapIndex(read_members(file))))
                if kinds := opened[-1][1].head:
                    index['map_kinds'] = parse_json(read_content(file, kinds), kinds.name)
        owner = np.full(size, -1, np.int32)
        for place, (_, own) in reversed(list(enumerate(opened))):
            images = own.images_with('.json')
            owner[images[images < size]] = place
        if len(missing := np.flatnonzero(owner < 0)):
            raise ValueError(f'{path}: no maps of image {missing[0]}, and of {len(missing) - 1} others of {size}')
        with unfinished(path) as temporary, ZipWriter(temporary) as merged:
            for image in range(size):
                file, own = opened[owner[image]]
                with _naming(parts[owner[image]]):
                    for member in own.members(image).values():
                        packed = read_packed(file, member)
                        unpack(member, packed)  # a part that is damaged is not passed on
                        merged.add_packed(member, packed)
            merged.add(INDEX, json.dumps(index).encode())
    for part in parts:
        Path(part).unlink()


@contextmanager
def _naming(part: str | os.PathLike) -> Iterator[None]:
    try:
        yield
    except (BadZipFile, ValueError) as error:
        raise ValueError(f'{part}: this part of the maps is damaged: {error}') from error


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
