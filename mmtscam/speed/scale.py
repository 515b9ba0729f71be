"""The cost of very long lists of images and of files of very many maps, beside the plain ways to hold them."""

import gc
import io
import json
import multiprocessing
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import DataLoader, Dataset

from mmtscam.datasets import WSOLDataset
from mmtscam.datasets.labels import labels_of
from mmtscam.evaluation.stored_maps import MapFile, MapPart, merge_parts
from mmtscam.evaluation.stored_maps.zip_members import ZipWriter, read_members, read_packed
from mmtscam.registry import DATASETS
from mmtscam.structures import MapKind

from .memory import memory_in_use, peak_memory, reset_peak_memory, tree_memory
from .metrics import make_maps, make_samples
from .worker import WorkerError
from .workloads import quiet

_CLASSES = 1000
# Pages have some dozen rows, so a worker that reads every eighth has looked at each page.
_STEP = 8
_SECONDS, _KEPT, _PEAK = 'reading, CPU seconds', 'memory kept, MB', 'most memory meanwhile, MB'
_KINDS = (
    MapKind('coupled', 'coupled map'),
    MapKind('attention', 'attention', True),
    MapKind('semantic', 'semantic map'),
)

Costs = dict[str, float]


class Cost(NamedTuple):
    """A cost of the plain way and of ours.

    Attributes:
        name: Name of the cost and its unit; memory is in bytes.
        plain: The cost of the plain way in each round.
        ours: Ours in each round.
    """

    name: str
    plain: list[float]
    ours: list[float]


def compare_lists(
    folder: Path, rows: int, rounds: int, workers: Sequence[int] = (1, 4), start_method: str = 'fork'
) -> Iterator[Cost]:
    """Measure a list of images with labels alone, each time in a new process.

    The plain way is mmengine's: mmpretrain's ``CustomDataset``, which makes a
    dict a row and packs it as a pickle.

    Args:
        folder: Where the list is written.
        rows: Number of images.
        rounds: How often each way is measured.
        workers: Numbers of a loader's workers, each of which reads its share
            of the list.
        start_method: How workers are started.

    Yields:
        The costs.

    Raises:
        ValueError: If the two ways have other rows.
        WorkerError: If a process dies.
    """
    few = folder / 'few.txt'
    few.write_text('n/a.JPEG 0\n')
    measure = partial(_list_costs, write_list(folder / 'many.txt', rows), few, tuple(workers), start_method)
    yield from _in_turn(measure, rounds)


def compare_map_files(folder: Path, images: int, rounds: int) -> Iterator[Cost]:
    """Measure opening a file of maps, each time in a new process.

    The plain way is :mod:`zipfile`'s list of members.

    Args:
        folder: Where the file is written.
        images: Number of images.
        rounds: How often each way is measured.

    Yields:
        The costs.

    Raises:
        ValueError: If the two ways have other members.
        WorkerError: If a process dies.
    """
    yield from _in_turn(partial(_map_costs, write_maps(folder / 'maps.npz', images)), rounds)


def write_list(path: Path, rows: int) -> Path:
    """Write a list with the paths and labels that ILSVRC's has, for a data set in the same folder."""
    with path.open('w', encoding='utf-8') as file:
        for row in range(rows):
            label = row * _CLASSES // rows
            wnid = f'n{1440764 + 7345 * label:08d}'
            file.write(f'{wnid}/{wnid}_{row}.JPEG {label}\n')
    return path


def write_maps(path: Path, images: int) -> Path:
    """Write a file of maps that has those of one image again and again, with labels, scores and a mask."""
    (sample,) = make_samples(make_maps(14, 1), _CLASSES)
    maps = sample['class_maps']['maps']
    sample['class_maps'].update({kind.name: maps for kind in _KINDS}, map_kind='coupled', map_kinds=_KINDS)
    part = MapPart(path.with_suffix('.part'))
    part.add(sample)
    part.close()
    merge_parts([part.path], path, 1)
    with path.open('rb') as file:
        packed = {member: read_packed(file, member) for member in list(read_members(file))}
    index = json.loads(zipfile.ZipFile(path).read('maps.json'))
    with ZipWriter(path) as writer:
        for image in range(images):
            for member, content in packed.items():
                if member.name != 'maps.json':
                    writer.add_packed(member._replace(name=f'{image:08d}{member.name[8:]}'), content)
        writer.add('maps.json', json.dumps(dict(index, images=images)).encode())
    return path


def _in_turn(measure: Callable[..., tuple[Any, Costs]], rounds: int) -> Iterator[Cost]:
    """The costs of both ways, which take turns in going first."""
    _known(tree_memory())
    measured: dict[bool, list[Costs]] = {False: [], True: []}
    for turn in range(rounds):
        content = {}
        for way in (False, True) if turn % 2 == 0 else (True, False):
            content[way], costs = _in_new_process(partial(measure, ours=way))
            measured[way].append(costs)
        if content[False] != content[True]:
            raise ValueError('the two ways to read a file differ in what they read')
    for name in measured[True][0]:
        yield Cost(name, *([costs[name] for costs in measured[way]] for way in (False, True)))


def _in_new_process(task: Callable[[], Any]) -> Any:
    """Do a task; its memory and peak are its own, and it may start processes."""
    context = multiprocessing.get_context('spawn')
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(writer, task))
    process.start()
    writer.close()  # so that the end of the process is noticed here
    try:
        failed, result = reader.recv()
    except EOFError:
        raise WorkerError('a process died, most likely because memory ran out: measure fewer rows') from None
    finally:
        reader.close()
        process.join()
    if failed:
        raise result
    return result


def _send(writer: Connection, task: Callable[[], Any]) -> None:
    try:
        writer.send((False, task()))
    except Exception as error:
        writer.send((True, error))


class _Meter:
    """CPU seconds, and bytes above those at the start."""

    def __init__(self) -> None:
        gc.collect()
        self._memory = _known(memory_in_use())
        reset_peak_memory()
        self._seconds = time.process_time()

    def read(self) -> dict[str, float]:
        seconds = time.process_time() - self._seconds
        kept, peak = _known(memory_in_use()), _known(peak_memory())
        return {_SECONDS: seconds, _KEPT: kept - self._memory, _PEAK: peak - self._memory}


def _known(memory: int | None) -> int:
    if memory is None:
        raise ValueError('memory is read in /proc, which this system lacks: run this benchmark on Linux')
    return memory


def _list_costs(many: Path, few: Path, workers: Sequence[int], start_method: str, ours: bool) -> tuple[Any, Costs]:
    quiet()
    small = _build_list(few, ours)  # and everything is imported
    alone = [_loader_memory(small, count, start_method) for count in workers]
    meter = _Meter()
    dataset = _build_list(many, ours)
    costs = meter.read()
    for count, base in zip(workers, alone, strict=True):
        used = _loader_memory(dataset, count, start_method) - base
        costs[f'memory of all processes, {count} worker{"s" * (count > 1)}, MB'] = used
    meter = _Meter()
    labels: Any = labels_of(dataset) if ours else dataset.get_gt_labels()
    costs['labels of all images, CPU seconds'] = meter.read()[_SECONDS]
    meter = _Meter()
    for _ in dataset.data_infos() if ours else map(dataset.get_data_info, range(len(dataset))):
        pass
    costs['going through all rows, CPU seconds'] = meter.read()[_SECONDS]
    some = [dataset.get_data_info(index) for index in range(0, len(dataset), 1 + len(dataset) // 1000)]
    return (len(labels), int(labels.sum()), [(info['img_path'], info['gt_label']) for info in some]), costs


def _build_list(path: Path, ours: bool) -> Any:
    wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(path.parent), data_prefix='train', ann_file=path.name)
    return WSOLDataset(wrapped) if ours else DATASETS.build(wrapped)


class _Rows(Dataset):
    """Rows as a data set's pipeline gets them."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return -(-len(self._dataset) // _STEP)

    def __getitem__(self, index: int) -> int:
        return len(self._dataset.get_data_info(index * _STEP)['img_path'])


def _loader_memory(dataset: Any, workers: int, start_method: str) -> int:
    """Bytes of this process and of a loader's workers that have read the whole list."""
    loader: DataLoader = DataLoader(
        _Rows(dataset),
        batch_size=100,
        num_workers=workers,
        multiprocessing_context=start_method,
        persistent_workers=True,
    )
    for _ in loader:
        pass
    return _known(tree_memory())


def _map_costs(path: Path, ours: bool) -> tuple[Any, Costs]:
    meter = _Meter()
    if ours:
        maps = MapFile(path)
        costs = meter.read()
        return (len(maps), maps[-1]['class_maps']['coupled'].tolist()), costs
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        costs = meter.read()
        images = sum(member.filename.endswith('.json') for member in members) - 1
        content = io.BytesIO(file.read(f'{images - 1:08d}/coupled.npy'))
        return (images, np.load(content).tolist()), costs
