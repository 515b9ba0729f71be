"""The cost of metrics: their time beside that of plainly written baselines, and their memory."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP, shared_scoring
from mmtscam.localization import PROTOCOLS, correct_at_thresholds, pixel_histograms, threshold_grid
from mmtscam.structures import LocDataSample
from mmtscam.utils.timing import cpu_seconds, in_turn, seconds

from .plain_metrics import count_directly, localize_directly, sweep_directly

Maps = list[tuple[np.ndarray, np.ndarray]]  # maps, each with its true boxes in the frame
_BATCH = 100


class MetricCost(NamedTuple):
    """Processor time of a metric and of its baseline.

    Attributes:
        name: Name of the metric.
        images: Number of images.
        baseline: Seconds of the baseline in each round.
        ours: Seconds of ours in each round.
    """

    name: str
    images: int
    baseline: list[float]
    ours: list[float]


class MetricState(NamedTuple):
    """The state of metrics part of the way through a data set.

    Attributes:
        images: Images that they have seen.
        seconds: Time of each metric so far.
        memory: Bytes of this process above its start.
    """

    images: int
    seconds: dict[str, float]
    memory: int


def compare_metrics(images: int, rounds: int) -> Iterator[MetricCost]:
    """Time metrics and their baselines in turn, after a check that both count the same.

    Args:
        images: Images of each kind.
        rounds: How often each is measured.

    Yields:
        Times of sweeps, of PixelAP's counts and of LocAccuracy on one core.

    Raises:
        ValueError: If a sweep or a count differs from its baseline.
    """
    grid = threshold_grid()
    kinds = {'14x14 maps': make_maps(14, images), '224x224 maps': make_maps(224, images)}
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everything)})
    try:
        for name in ('wsol-v2', 'wsol-v1'):
            for kind, maps in kinds.items():
                plain = partial(sweep_directly, protocol=PROTOCOLS[name], grid=grid)
                ours = partial(correct_at_thresholds, protocol=PROTOCOLS[name], thresholds=grid)
                yield _compare(f'sweep {name}, {kind}, same counts', maps, plain, ours, rounds)

        maps = kinds['14x14 maps']
        samples = list(make_samples(maps, classes=200))
        masks = [sample['gt_sem_seg']['sem_seg'][0].numpy() for sample in samples]
        pairs = [(score_map, mask) for (score_map, _), mask in zip(maps, masks, strict=True)]
        plain = partial(count_directly, protocol=PROTOCOLS['wsol-v2'], grid=grid)
        ours = partial(pixel_histograms, protocol=PROTOCOLS['wsol-v2'], thresholds=grid)
        yield _compare('PixelAP, 14x14 maps, same counts', pairs, plain, ours, rounds)

        ways = [
            partial(_each, [(sample,) for sample in samples], localize_directly),
            partial(_each, [({}, samples)], LocAccuracy().process),
        ]
        yield MetricCost('LocAccuracy, Top-5 and GT-known, 200 classes', images, *_measure(ways, rounds))
    finally:
        os.sched_setaffinity(0, everything)


def follow_metrics(images: int, workers: int) -> Iterator[MetricState]:
    """Feed synthetic batches of 1000 classes to the metrics as a test would.

    Args:
        images: Number of images, a multiple of 100.
        workers: Processes that share the work.

    Yields:
        The metrics' state after every 100 images, and after they are
        evaluated.
    """
    maps = make_maps(14, _BATCH)
    metrics = {kind.__name__: kind(num_workers=workers) for kind in (LocAccuracy, MaxBoxAcc, PixelAP)}
    start = _resident()
    taken = dict.fromkeys(metrics, 0.0)
    with shared_scoring(list(metrics.values())):
        for first in range(0, images, _BATCH):
            samples = list(make_samples(maps, 1000, first))
            for name, metric in metrics.items():
                taken[name] += seconds(partial(metric.process, {}, samples))
            yield MetricState(first + _BATCH, dict(taken), _resident() - start)
    for metric in metrics.values():
        metric.evaluate(images)
    yield MetricState(images, taken, _resident() - start)


def make_maps(size: int, images: int) -> Maps:
    """Make hills on noise of several scales, each with the box of its hill.

    Args:
        size: Side of a map.
        images: Number of maps.

    Returns:
        ``(size, size)`` ``float32`` maps and ``(1, 4)`` boxes in a frame of
        224x224.
    """
    rng = np.random.default_rng(0)
    maps = []
    for _ in range(images):
        noise = np.zeros((size, size), np.float32)
        for cells in (4, 8, 14):
            noise += cv2.resize(rng.random((cells, cells), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        x, y = rng.uniform(0.3, 0.7, 2) * size
        sigma_x, sigma_y = rng.uniform(0.1, 0.25, 2) * size
        columns, rows = np.meshgrid(np.arange(size), np.arange(size))
        hill = np.exp(-(((columns - x) / sigma_x) ** 2) - ((rows - y) / sigma_y) ** 2)
        edges = np.array([x - sigma_x, y - sigma_y, x + sigma_x, y + sigma_y]) * 224 / size
        maps.append(((2.5 * hill + noise).astype(np.float32), edges.clip(0, 223).astype(np.int64)[None]))
    return maps


def make_samples(maps: Maps, classes: int, start: int = 0) -> Iterator[dict]:
    """Make samples as a model gives them to a metric, with maps of the Top-5 classes and the true class.

    Args:
        maps: A map and the true box for each sample; all classes share the
            map.
        classes: Number of classes.
        start: Number of the first image.

    Yields:
        Samples as dicts.
    """
    generator = torch.Generator().manual_seed(start)
    for index, (score_map, truth) in enumerate(maps, start):
        sample = LocDataSample(metainfo=dict(img_id=index, img_path=f'{index}.jpg', ori_shape=(224, 224)))
        score = torch.rand(classes, generator=generator)
        label = index % classes
        sample.set_gt_label(label).set_pred_score(score)
        sample.gt_instances = InstanceData(bboxes=torch.from_numpy(truth).float())
        labels = torch.cat([score.topk(5).indices, torch.tensor([label])]).unique()
        stack = torch.from_numpy(score_map).expand(len(labels), -1, -1)
        sample.class_maps = InstanceData(labels=labels, maps=stack, metainfo=dict(threshold=0.1))
        mask = torch.zeros(1, 224, 224, dtype=torch.uint8)
        x1, y1, x2, y2 = truth[0]
        mask[:, y1 : y2 + 1, x1 : x2 + 1] = 1
        sample.gt_sem_seg = PixelData(sem_seg=mask)
        yield sample.to_dict()


def _compare(name: str, items: list[tuple], plain: Callable, ours: Callable, rounds: int) -> MetricCost:
    if not all(np.array_equal(plain(*item), ours(*item)) for item in items):
        raise ValueError(f'{name}: they differ from the direct way')
    return MetricCost(name, len(items), *_measure([partial(_each, items, way) for way in (plain, ours)], rounds))


def _measure(ways: Iterable[Callable[[], object]], rounds: int) -> list[list[float]]:
    return in_turn([partial(cpu_seconds, way) for way in ways], rounds)


def _each(items: Iterable[tuple], function: Callable) -> None:
    for item in items:
        function(*item)


def _resident() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
