"""Measure what evaluation costs, against plainly written baselines: python tools/analysis/benchmark_evaluation.py."""

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData, PixelData
from rich.console import Console
from rich.progress import track
from rich.table import Table

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

Maps = list[tuple[np.ndarray, np.ndarray]]  # maps, each with its true boxes in the frame


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Cost of threshold sweeps and of LocAccuracy on one core, as ratios to plainly written baselines '
        'that are measured in turn with them.'
    )
    parser.add_argument('--images', type=int, default=32, help='images of each kind (default: 32)')
    parser.add_argument('--repeats', type=int, default=5, help='how often each is measured (default: 5)')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes for the test with several')
    parser.add_argument(
        '--scale',
        type=int,
        metavar='IMAGES',
        help='instead, evaluate this many images of 1000 classes and print memory',
    )
    return parser.parse_args()


def make_maps(size: int, images: int) -> Maps:
    """Hills on noise of several scales, each with the box of its hill."""
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
    """The baseline: threshold, contours, boxes and IoU at every threshold of the grid."""
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
    """The baseline of LocAccuracy: the maps of all Top-5 classes and of the true one, one after the other."""
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
    """Samples as a model hands them to a metric, with maps of the Top-5 classes and the true one."""
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


def each(items: Iterable[tuple], function: Callable) -> None:
    for item in items:
        function(*item)


def measure(ways: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Seconds of each way, measured in turn: the machine's speed drifts."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(repeats):
        for way, taken in zip(ways, seconds, strict=True):
            start = time.perf_counter()
            way()
            taken.append(time.perf_counter() - start)
    return seconds


def add_row(table: Table, name: str, images: int, seconds: list[list[float]]) -> None:
    """Milliseconds an image of baseline and ours, and the ratio of each repeat."""
    base, ours = seconds
    ratios = [a / b for a, b in zip(base, ours, strict=True)]
    milliseconds = [f'{1e3 * statistics.median(taken) / images:.2f}' for taken in (base, ours)]
    table.add_row(name, *milliseconds, f'{statistics.median(ratios):.1f}', f'{min(ratios):.1f} to {max(ratios):.1f}')


def benchmark_speed(args: argparse.Namespace) -> None:
    table = Table(title=f'{args.images} images, {args.repeats} repeats, one core; ms an image, median')
    for column in ('', 'baseline', 'ours', 'ratio', 'min to max'):
        table.add_column(column, justify='right' if column else 'left')

    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everything)})
    grid = threshold_grid()
    kinds = {'14x14 maps': make_maps(14, args.images), '224x224 maps': make_maps(224, args.images)}
    for name in ('wsol-v2', 'wsol-v1'):
        protocol = PROTOCOLS[name]
        for kind, maps in kinds.items():
            for score_map, truth in maps:
                ours = correct_at_thresholds(score_map, truth, protocol, grid)
                if not np.array_equal(ours, sweep_directly(score_map, truth, protocol, grid)):
                    raise SystemExit(f'{name}, {kind}: the sweep differs from the direct way')
            ways = [
                partial(each, maps, partial(sweep_directly, protocol=protocol, grid=grid)),
                partial(each, maps, partial(correct_at_thresholds, protocol=protocol, thresholds=grid)),
            ]
            add_row(table, f'sweep {name}, {kind}, same counts', args.images, measure(ways, args.repeats))

    samples = list(make_samples(kinds['14x14 maps'], classes=200))
    ways = [
        partial(each, [(sample,) for sample in samples], localize_directly),
        partial(each, [({}, samples)], LocAccuracy().process),
    ]
    add_row(table, 'LocAccuracy, Top-5 and GT-known, 200 classes', args.images, measure(ways, args.repeats))

    os.sched_setaffinity(0, everything)
    one, several = MaxBoxAcc(), MaxBoxAcc(num_workers=args.workers)

    many = list(make_samples(kinds['14x14 maps'] * 4, classes=200))

    def run(metric: MaxBoxAcc) -> None:
        metric.process({}, many)
        metric.evaluate(len(many))

    if args.workers > 1:
        seconds = measure([lambda: run(one), lambda: run(several)], args.repeats)
        add_row(table, f'MaxBoxAcc with {args.workers} processes against one', 4 * args.images, seconds)
    Console(width=110).print(table)


def benchmark_scale(images: int, workers: int) -> None:
    """Feed synthetic batches to the metrics as a test would; print time and memory on the way."""
    maps = make_maps(14, 100)
    metrics = [LocAccuracy(), MaxBoxAcc(num_workers=workers), PixelAP()]
    table = Table(title=f'{images} images of 1000 classes; memory of this process')
    for column in ('images', 'seconds a 1000 images', 'memory above the start, MB'):
        table.add_column(column, justify='right')
    start_memory, start = resident_mb(), time.perf_counter()
    taken = dict.fromkeys(metrics, 0.0)
    for first in track(range(0, images, 100), description='Evaluating'):
        samples = list(make_samples(maps, 1000, first))
        for metric in metrics:
            begin = time.perf_counter()
            metric.process({}, samples)
            taken[metric] += time.perf_counter() - begin
        if (first + 100) % (images // 5) == 0:
            seconds = (time.perf_counter() - start) / (images // 5) * 1000
            table.add_row(str(first + 100), f'{seconds:.2f}', f'{resident_mb() - start_memory:.0f}')
            start = time.perf_counter()
    for metric in metrics:
        metric.evaluate(images)
    table.add_row('evaluated', '', f'{resident_mb() - start_memory:.0f}')
    Console().print(table)
    for metric, seconds in taken.items():
        print(f'{type(metric).__name__}: {1e3 * seconds / images:.2f} ms an image')
    print(f'Peak memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB')


def resident_mb() -> float:
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def main() -> None:
    args = parse_args()
    if args.scale is not None and (args.scale < 500 or args.scale % 500):
        raise SystemExit(f'--scale {args.scale}: must be a multiple of 500')
    MMLogger.get_instance('mmengine', log_level='ERROR')
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if args.scale:
        benchmark_scale(args.scale, args.workers)
    else:
        benchmark_speed(args)


if __name__ == '__main__':
    main()
