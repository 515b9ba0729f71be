"""Random score maps with true boxes, masks and class scores, and the rules by which they are scored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import gcd
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from mmtscam.localization import PROTOCOLS, Protocol

FRAMES = [(24, 20), (32, 32), (44, 28), (64, 48)]
CLASSES = 7
THRESHOLDS = [0.0, 0.05, 0.1, 0.12, 0.35, 0.5, 0.9]
# Fields in which rules differ that no named protocol has together.
CHANGES: list[dict[str, Any]] = [
    {},
    dict(regions='component'),
    dict(regions='all_contours'),
    dict(regions='union', percentile=75),
    dict(percentile=35.5),
    dict(epsilon=0.5),
    dict(clamp_boxes=True, clamp_truth=False),
    dict(iou_levels=(0.2, 0.5, 0.9)),
    dict(normalize=False),
]


@dataclass
class Case:
    """One image: its map ``(h, w)``, true boxes in its pixels, mask, and scores of the classes."""

    score_map: np.ndarray
    boxes: np.ndarray
    size: tuple[int, int]
    mask: np.ndarray
    scores: np.ndarray
    label: int

    def sample(self, number: int) -> dict[str, Any]:
        """The image as a model hands it to a metric; every other one holds tensors."""
        wrap = torch.from_numpy if number % 2 else np.asarray
        other = np.zeros_like(self.score_map)
        return dict(
            number=number,
            img_path=f'{number}.jpg',
            ori_shape=self.size[::-1],
            gt_label=self.label,
            pred_score=wrap(self.scores),
            gt_instances=dict(bboxes=wrap(self.boxes)),
            gt_sem_seg=dict(sem_seg=wrap(self.mask[None])),
            class_maps=dict(
                labels=np.array([(self.label + 1) % CLASSES, self.label]), maps=wrap(np.stack([other, self.score_map]))
            ),
        )


@dataclass
class Group:
    """Images that are scored together, and the rules, with a threshold."""

    rules: Protocol
    cases: list[Case]


def groups(count: int, size: int, seed: int, frames: list[tuple[int, int]] = FRAMES) -> Iterator[Group]:
    """Groups of ``size`` images each; the first image of each has a true box and foreground."""
    rng = np.random.default_rng(seed)
    names = list(PROTOCOLS)
    for index in range(count):
        rules = PROTOCOLS[names[index % len(names)]]
        frame = frames[int(rng.integers(len(frames)))]
        changes = CHANGES[index // len(names) % len(CHANGES)]
        if 'percentile' in changes and rules.absolute_threshold:
            changes = dict(absolute_threshold=False, **changes)
        # An empty box that is the whole frame stays the whole frame.
        empty = (0, 0, *frame) if rules.empty_box == (0, 0, 224, 224) else rules.empty_box
        threshold = float(rng.choice(THRESHOLDS)) if index % 2 or rules.threshold is None else rules.threshold
        rules = replace(rules, frame=frame, empty_box=empty, threshold=threshold, **changes)
        yield Group(rules, [make_case(rng, rules, first=number == 0) for number in range(size)])


def make_case(rng: np.random.Generator, rules: Protocol, first: bool) -> Case:
    """One random image."""
    width, height = rules.frame
    shapes = [(height, width), (height // 2, width // 2), (int(rng.integers(1, 15)), int(rng.integers(1, 15)))]
    shape = shapes[int(rng.integers(3))] if rules.normalize else shapes[0]
    score_map = _MAPS[int(rng.integers(len(_MAPS)))](rng, shape).astype(
        rng.choice([np.float16, np.float32, np.float64])
    )
    if not rules.normalize:
        score_map = score_map - score_map.min()
        score_map /= max(score_map.max(), 1) * rng.choice([1, 1, 2])
    size = (int(rng.integers(1, 3 * width)), int(rng.integers(1, 3 * height)))
    return Case(
        score_map=score_map,
        boxes=_boxes(rng, size, rules.frame, least=int(first)),
        size=size,
        mask=_mask(rng, empty=not first and rng.random() < 0.1),
        scores=rng.integers(0, 4, CLASSES).astype(np.float32)
        if rng.random() < 0.5
        else rng.random(CLASSES, np.float32),
        label=int(rng.integers(CLASSES)),
    )


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4)


def _hills(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return ndimage.gaussian_filter(rng.random(shape), float(rng.uniform(0.5, 4)), mode=rng.choice(['nearest', 'wrap']))


def _levels(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Few different values, so that many pixels tie."""
    return rng.integers(0, rng.choice([2, 3, 9]), shape)


def _plateaus(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Flat rectangles on each other."""
    score_map = np.zeros(shape)
    for _ in range(int(rng.integers(1, 6))):
        y, x = (int(rng.integers(side)) for side in shape)
        tall, wide = (int(rng.integers(1, side + 1)) for side in shape)
        score_map[y : y + tall, x : x + wide] += rng.integers(-2, 4)
    return score_map


def _constant(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.full(shape, rng.integers(-2, 3))


def _peaks(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Single pixels, of which several may be the highest."""
    score_map = np.zeros(shape)
    for _ in range(int(rng.integers(1, 4))):
        score_map[tuple(int(rng.integers(side)) for side in shape)] = rng.integers(1, 3)
    return score_map


def _rings(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Rings around each other: regions with holes, and regions within holes."""
    y, x = np.indices(shape)
    centre = [float(rng.uniform(0, side)) for side in shape]
    far = (
        np.maximum(abs(y - centre[0]), abs(x - centre[1]))
        if rng.random() < 0.5
        else np.hypot(*(place - middle for place, middle in zip((y, x), centre, strict=True)))
    )
    return np.round(far) % int(rng.integers(2, 5)) * (1 + (far < max(shape) / 3))


def _all_but_one(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """All of it high but one pixel: the region touches every border and has a hole of one pixel."""
    score_map = np.ones(shape)
    score_map[tuple(int(rng.integers(side)) for side in shape)] = 0
    return score_map


_MAPS = [_noise, _hills, _hills, _levels, _levels, _plateaus, _plateaus, _constant, _peaks, _rings, _all_but_one]


def _boxes(rng: np.random.Generator, size: tuple[int, int], frame: tuple[int, int], least: int) -> np.ndarray:
    """None to four boxes; some touch or pass the border, and some have no area.

    Half of them have edges that are whole numbers in the frame too, so that
    rounding decides on a pixel.
    """
    boxes = []
    for _ in range(max(least, int(rng.choice([0, 1, 1, 1, 2, 3, 4])))):
        if rng.random() < 0.5:
            steps = [side // gcd(side, new) for side, new in zip(size, frame, strict=True)]
            edges = [
                np.sort(rng.integers(0, side // step + 1, 2)) * step for side, step in zip(size, steps, strict=True)
            ]
        else:
            edges = [np.sort(rng.integers(0, side + 1, 2)) + rng.choice([0, 0, 0.25, 0.5]) for side in size]
        (x1, x2), (y1, y2) = edges
        if rng.random() < 0.2:
            x1, y1 = -1.5, 0
        if rng.random() < 0.2:
            x2, y2 = size[0] + 2, size[1]
        boxes.append([min(x1, size[0] - 0.5), min(y1, size[1] - 0.5), x2, y2])
    return np.array(boxes, np.float64).reshape(-1, 4)


def _mask(rng: np.random.Generator, empty: bool) -> np.ndarray:
    """Background 0, objects above 0 and ignored pixels 255, at a size of its own."""
    shape = (int(rng.integers(2, 80)), int(rng.integers(2, 80)))
    mask = np.zeros(shape, np.uint8)
    y, x = (int(rng.integers(side)) for side in shape)
    if rng.random() < 0.5:
        mask[y // 2 : y + 3, x // 2 : x + 3] = 255
    if not empty:
        mask[y // 2 : y + 2, x // 2 : x + 2] = rng.choice([1, 1, 7])
    return mask
