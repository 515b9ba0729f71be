"""Samples as a model hands them to metrics."""

from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed
from mmengine.structures import InstanceData, PixelData

from mmtscam.evaluation import BaseLocMetric
from mmtscam.structures import LocDataSample, MapKind

NUM_CLASSES = 5


def _map_of(box: Sequence[int]) -> torch.Tensor:
    x1, y1, x2, y2 = box
    score_map = torch.zeros(224, 224)
    score_map[y1:y2, x1:x2] = 1
    return score_map


def _make_sample(
    maps: torch.Tensor,
    boxes: Sequence | np.ndarray | None = ((0, 0, 99, 99),),
    label: int = 0,
    labels: Sequence[int] | None = None,
    score: Sequence[float] | None = (3, 2, 1, 0, 0),
    img_id: int = 0,
    img_path: str | None = None,
    size: tuple[int, int] = (224, 224),
    mask: np.ndarray | None = None,
    threshold: float | None = 0.1,
    map_kind: str | None = 'coupled',
    **more_maps: torch.Tensor,
) -> dict:
    path = img_path or f'/data/set/test/{img_id}.jpg'
    sample = LocDataSample(metainfo=dict(img_id=img_id, img_path=path, ori_shape=size, img_shape=(224, 224)))
    sample.set_gt_label(label)
    if score is not None:
        sample.set_pred_score(torch.as_tensor(score, dtype=torch.float32))
    if boxes is not None:
        boxes = torch.as_tensor(np.array(boxes), dtype=torch.float32).reshape(-1, 4)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.full((len(boxes),), label))
    if mask is not None:
        sample.gt_sem_seg = PixelData(sem_seg=torch.as_tensor(mask)[None])
    maps = torch.as_tensor(maps)
    if maps.ndim == 2:
        maps, labels = maps[None], [label]
    by_kind = more_maps if map_kind is None else {map_kind: maps, **more_maps}
    metainfo: dict[str, object] = {} if threshold is None else dict(threshold=threshold)
    if map_kind is not None:
        metainfo.update(map_kind=map_kind, map_kinds=tuple(MapKind(name, f'{name} map') for name in by_kind))
    sample.class_maps = InstanceData(
        labels=torch.tensor(range(len(maps)) if labels is None else labels), maps=maps, metainfo=metainfo, **by_kind
    )
    return sample.to_dict()


def _random_sample(rng: np.random.Generator, img_id: int, dtype: torch.dtype) -> dict:
    """One or two boxes, and maps whose hills lie near them for the true class alone."""
    height, width = (int(side) for side in rng.integers(60, 400, 2))
    count = int(rng.integers(1, 3))
    centres, halves = rng.uniform(0.3, 0.7, (count, 2)), rng.uniform(0.12, 0.3, (count, 2))
    y, x = (np.mgrid[:14, :14] + 0.5) / 14

    def hills(spots):
        near = [np.exp(-(((x - cx) / w) ** 2 + ((y - cy) / h) ** 2)) for (cx, cy), (w, h) in zip(*spots, strict=True)]
        return np.sum(near, axis=0) + rng.uniform(0, 0.15, (14, 14))

    labels = rng.permutation(NUM_CLASSES)[:3].tolist()
    label = labels[int(rng.integers(3))]
    maps = [
        hills((centres + rng.normal(0, 0.05, centres.shape), halves * rng.uniform(0.6, 1.2)))
        if other == label
        else hills((rng.uniform(0, 1, (1, 2)), [(0.1, 0.1)]))
        for other in labels
    ]
    maps = torch.tensor(np.array(maps), dtype=dtype)
    rows, columns = (np.mgrid[: height // 2, : width // 2].astype(float) + 0.5) / 0.5
    distance = np.min(
        [
            ((columns / width - cx) / w) ** 2 + ((rows / height - cy) / h) ** 2
            for (cx, cy), (w, h) in zip(centres, halves, strict=True)
        ],
        axis=0,
    )
    return _make_sample(
        maps,
        boxes=np.concatenate([centres - halves, centres + halves], axis=1) * (width, height, width, height),
        label=label,
        labels=labels,
        score=rng.normal(0, 1, NUM_CLASSES) + 1.5 * (np.arange(NUM_CLASSES) == label),
        img_id=img_id,
        img_path=f'/data/set/test/{label}/{img_id}.jpg',
        size=(height, width),
        mask=np.where(distance < 0.9, 1, np.where(distance < 1, 255, 0)).astype(np.uint8),
        threshold=0.2,
        attention=torch.tensor(rng.uniform(0, 1, (3, 14, 14)), dtype=dtype) + maps,
        semantic=maps if img_id % 2 else 2 * maps,
    )


@pytest.fixture(scope='session')
def map_of() -> Callable[..., torch.Tensor]:
    """Make a map of which every protocol makes this box (one less to the right and below where it clamps)."""
    return _map_of


@pytest.fixture(scope='session')
def make_sample() -> Callable[..., dict]:
    """Make a sample.

    A map of two dimensions is that of the true class. ``size`` is (height, width). Without ``map_kind`` the maps are
    of other code.
    """
    return _make_sample


@pytest.fixture(scope='session')
def make_samples() -> Callable[..., list[dict]]:
    """Make samples of random images with boxes, masks of half the size and three kinds of map."""

    def make(count: int = 16, dtype: torch.dtype = torch.float32, seed: int = 0) -> list[dict]:
        rng = np.random.default_rng(seed)
        return [_random_sample(rng, index, dtype) for index in range(count)]

    return make


@pytest.fixture(scope='session')
def samples(make_samples: Callable[..., list[dict]]) -> list[dict]:
    """Sixteen of them, not to be changed."""
    return make_samples()


@pytest.fixture(scope='session')
def evaluate() -> Callable[..., dict[str, float]]:
    """Let a metric score samples in batches."""

    def run(metric: BaseLocMetric, samples: Iterable[dict], batch: int = 3) -> dict[str, float]:
        metric.dataset_meta = dict(classes=tuple(f'class {index}' for index in range(NUM_CLASSES)))
        samples = list(samples)
        for start in range(0, len(samples), batch):
            metric.process({}, samples[start : start + batch])
        return metric.evaluate(len(samples))

    return run


def _one_of_two(rank: int, start: Path, metric: BaseLocMetric, samples: Sequence[dict], size: int, queue: Any) -> None:
    torch.distributed.init_process_group('gloo', init_method=f'file://{start}', rank=rank, world_size=2)
    metric.dataset_meta = {}
    metric.process({}, samples)
    try:
        queue.put((rank, metric.evaluate(size), metric.result))
    except Exception as error:
        queue.put((rank, f'{type(error).__name__}: {error}', None))
    torch.distributed.destroy_process_group()


@pytest.fixture
def evaluate_on_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple]]:
    """Let a metric score a part of the samples on each of two processes: its values, or its error, and its result."""
    monkeypatch.chdir(tmp_path)  # mmengine gathers in a folder there

    def run(metric: BaseLocMetric, parts: Sequence[Sequence[dict]], size: int) -> list[tuple]:
        context = get_context('fork')
        queue = context.Queue()
        args = [(rank, tmp_path / 'start', metric, part, size, queue) for rank, part in enumerate(parts)]
        processes = [context.Process(target=_one_of_two, args=arg) for arg in args]
        for process in processes:
            process.start()
        found = {rank: tuple(rest) for rank, *rest in (queue.get(timeout=60) for _ in processes)}
        for process in processes:
            process.join()
        return [found[0], found[1]]

    return run
