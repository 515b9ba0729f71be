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

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP
from mmtscam.localization import (
    PROTOCOLS,
    Protocol,
    box_overlaps,
    correct_at_thresholds,
    quantize_map,
    threshold_grid,
)
from mmtscam.structures import LocDataSample
from mmtscam.utils.timing import in_turn, seconds

Maps = list[tuple[np.ndarray, np.ndarray]]  # maps, each with its true boxes in the frame
_BATCH = 100


class MetricCost(NamedTuple):
    """Time of a metric and of its baseline.

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


def compare_metrics(images: int, rounds: int, workers: int) -> Iterator[MetricCost]:
    """Time metrics and their baselines in turn, after a check that both count the same.

    Args:
        images: Images of each kind.
        rounds: How often each is measured.
        workers: Number of processes with which a metric is compared with
            itself in one process; this is left out with fewer than 2.

    Yields:
        Times of sweeps and of LocAccuracy on one core, then of MaxBoxAcc with
        ``workers`` processes.

    Raises:
        ValueError: If a sweep differs from its baseline.
    """
    grid = threshold_grid()
    kinds = {'14x14 maps': make_maps(14, images), '224x224 maps': make_maps(224, images)}
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everything)})
    try:
        for name in ('wsol-v2', 'wsol-v1'):
            protocol = PROTOCOLS[name]
            for kind, maps in kinds.items():
                for score_map, truth in maps:
                    ours = correct_at_thresholds(score_map, truth, protocol, grid)
                    if not np.array_equal(ours, sweep_directly(score_map, truth, protocol, grid)):
                        raise ValueError(f'{name}, {kind}: the sweep differs from the direct way')
                ways = [
                    partial(_each, maps, partial(sweep_directly, protocol=protocol, grid=grid)),
                    partial(_each, maps, partial(correct_at_thresholds, protocol=protocol, thresholds=grid)),
                ]
                yield MetricCost(f'sweep {name}, {kind}, same counts', images, *_measure(ways, rounds))

        samples = list(make_samples(kinds['14x14 maps'], classes=200))
        ways = [
            partial(_each, [(sample,) for sample in samples], localize_directly),
            partial(_each, [({}, samples)], LocAccuracy().process),
        ]
        yield MetricCost('LocAccuracy, Top-5 and GT-known, 200 classes', images, *_measure(ways, rounds))
    finally:
        os.sched_setaffinity(0, everything)

    if workers > 1:
        samples = list(make_samples(kinds['14x14 maps'] * 4, classes=200))
        ways = [partial(_evaluate, MaxBoxAcc(num_workers=count), samples) for count in (0, workers)]
        yield MetricCost(f'MaxBoxAcc with {workers} processes against one', len(samples), *_measure(ways, rounds))


def follow_metrics(images: int, workers: int) -> Iterator[MetricState]:
    """Feed synthetic batches of 1000 classes to the metrics as a test would.

    Args:
        images: Number of images, a multiple of 100.
        workers: Processes of MaxBoxAcc.

    Yields:
        The metrics' state after every 100 images, and after they are
        evaluated.
    """
    maps = make_maps(14, _BATCH)
    metrics = {type(metric).__name__: metric for metric in (LocAccuracy(), MaxBoxAcc(num_workers=workers), PixelAP())}
    start = _resident()
    taken = dict.fromkeys(metrics, 0.0)
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


def sweep_directly(score_map: np.ndarray, truth: np.ndarray, protocol: Protocol, grid: np.ndarray) -> np.ndarray:
    """Do the sweep plainly: foreground, contours, boxes and IoU at every threshold of the grid.

    Args:
        score_map: ``(h, w)``.
        truth: ``(n, 4)`` true boxes in the frame.
        protocol: A protocol whose regions are contours.
        grid: ``(T,)`` thresholds.

    Returns:
        ``(L, T)`` bool array: whether the box is right at each IoU level and
        threshold.
    """
    grey = quantize_map(score_map, protocol)
    width, height = protocol.frame
    best = []
    for threshold in grid:
        _, foreground = cv2.threshold(grey, int(threshold * grey.max()), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if contours and protocol.regions == 'contour':
            contours = [max(contours, key=cv2.contourArea)]
        boxes = []
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            boxes.append((x, y, min(x + w, width - 1), min(y + h, height - 1)))
        iou = box_overlaps(np.array(boxes or [protocol.empty_box]), truth)[0]
        best.append(iou.max())
    return np.array(best) >= np.array(protocol.iou_levels)[:, None]


def localize_directly(sample: dict) -> None:
    """Do the work of LocAccuracy plainly: the maps of the Top-5 classes and of the true class, one after another."""
    label = int(sample['gt_label'])
    top = sample['pred_score'].argsort(descending=True)[:5].tolist()
    truth = sample['gt_instances']['bboxes'].numpy().astype(np.int64)
    labels = sample['class_maps']['labels'].tolist()
    for wanted in [*top, label]:
        score_map = sample['class_maps']['maps'][labels.index(wanted)].numpy()
        score_map = cv2.resize(score_map, (224, 224))
        score_map = (score_map - score_map.min()) / (score_map.max() - score_map.min())
        grey = (score_map * 255).astype(np.uint8)
        _, foreground = cv2.threshold(grey, int(0.1 * grey.max()), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
        box_overlaps(np.array([[x, y, x + w, y + h]]), truth)


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


def _measure(ways: Iterable[Callable[[], object]], rounds: int) -> list[list[float]]:
    return in_turn([partial(seconds, way) for way in ways], rounds)


def _each(items: Iterable[tuple], function: Callable) -> None:
    for item in items:
        function(*item)


def _evaluate(metric: MaxBoxAcc, samples: list[dict]) -> None:
    metric.process({}, samples)
    metric.evaluate(len(samples))


def _resident() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
