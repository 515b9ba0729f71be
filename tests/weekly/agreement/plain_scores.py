"""The numbers of the three metrics, from the plain boxes of :mod:`weekly.agreement.plain_maps`."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmtscam.localization import Protocol

from . import plain_maps
from .maps import Case, Group

OUTCOMES = ('classification', 'right', 'multi_instance', 'part', 'more', 'other')


@dataclass
class Located:
    """One image: rank of its true class from 1, best IoU, boxes that have it, and the outcomes of these.

    There are several where the boxes of several contours overlap equally well.
    """

    rank: int
    iou: float | None
    boxes: list[list[float]]
    outcomes: set[str]
    levels: dict[float, tuple[bool, bool]]


def rank(case: Case) -> int:
    """Place of the true class among all, from 1; the first of equal scores comes first."""
    order = sorted(range(len(case.scores)), key=lambda label: -case.scores[label])
    return order.index(case.label) + 1


def locate(case: Case, rules: Protocol) -> Located:
    """Score one image at the threshold of the rules."""
    place = rank(case)
    if not len(case.boxes):
        return Located(place, None, [], set(), {})
    truth = plain_maps.framed_truth(case.boxes, case.size, rules)
    values = plain_maps.normalized(case.score_map, rules)
    ((_, above),) = plain_maps.foregrounds(values, rules, [rules.threshold])
    found = plain_maps.boxes(above, rules)
    shared, own, true = plain_maps.overlaps(found, truth)
    union = own + true - shared
    ious = (shared / union).max(axis=1)
    best = found[ious == ious.max()]
    level = rules.iou_levels[0] if len(rules.iou_levels) == 1 else 0.5
    outcomes = {plain_maps.outcome(box, truth, level) if place == 1 else 'classification' for box in best}
    scale = [size / side for size, side in zip(case.size * 2, rules.frame * 2, strict=True)]
    return Located(
        rank=place,
        iou=float(ious.max()),
        boxes=[[edge * factor for edge, factor in zip(box, scale, strict=True)] for box in best.tolist()],
        outcomes=outcomes,
        levels={
            level: (
                bool(plain_maps.reached(shared, union, level).any()),
                bool(plain_maps.reached(shared, union, level, strict=True).any()),
            )
            for level in rules.iou_levels
        },
    )


def loc_accuracy(located: list[Located], rules: Protocol, topk: tuple[int, ...] = (1, 5)) -> dict[str, float]:
    """Percentages of ``LocAccuracy``, without the outcomes."""
    with_object = [each for each in located if each.iou is not None]
    numbers = {f'cls_top{k}': 100 * sum(each.rank <= k for each in located) / len(located) for k in topk}
    several = len(rules.iou_levels) > 1
    for name, k in (*((f'loc_top{k}', k) for k in topk), ('gt_known', None)):
        values = []
        for level in rules.iou_levels:
            at_least, above = zip(*(each.levels[level] for each in with_object), strict=True)
            right = (
                at_least if k is None else [a and each.rank <= k for a, each in zip(above, with_object, strict=True)]
            )
            values.append(100 * sum(right) / len(with_object))
            numbers[name + (f'_iou{round(100 * level)}' if several else '')] = values[-1]
        if several:
            numbers[f'{name}_mean'] = sum(values) / len(values)
    return numbers


def outcome_counts(outcomes: list[str]) -> dict[str, int]:
    """Counts of ``LocAccuracy`` by outcome."""
    counts = Counter(outcomes)
    return {f'outcome_{name}': counts[name] for name in OUTCOMES}


def sweep(case: Case, rules: Protocol, thresholds: list[float]) -> np.ndarray:
    """``(levels, thresholds)``: whether the image is right, threshold after threshold."""
    truth = plain_maps.framed_truth(case.boxes, case.size, rules)
    values = plain_maps.normalized(case.score_map, rules)
    known: dict[int, list[bool]] = {}
    columns = []
    for key, above in plain_maps.foregrounds(values, rules, thresholds):
        if key not in known:
            shared, own, true = plain_maps.overlaps(plain_maps.boxes(above, rules), truth)
            union = own + true - shared
            known[key] = [bool(plain_maps.reached(shared, union, level).any()) for level in rules.iou_levels]
        columns.append(known[key])
    return np.array(columns).T


def max_box_acc(group: Group, thresholds: list[float]) -> np.ndarray:
    """``(levels, thresholds)`` numbers of images that are right."""
    return sum((sweep(case, group.rules, thresholds).astype(int) for case in group.cases if len(case.boxes)), start=0)


def pixels(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all pixels that count, and whether each is of an object; images without a true box are left out."""
    scores, truth = [], []
    for case in group.cases:
        rows, columns = (
            (np.arange(new) * (1 / (new / old))).astype(int)
            for new, old in zip(group.rules.frame[::-1], case.mask.shape, strict=True)
        )
        if len(case.boxes):
            mask = case.mask[rows][:, columns].ravel()
            values = plain_maps.normalized(case.score_map, group.rules).ravel()
            scores.append(values[mask != 255].astype(np.float64))
            truth.append(mask[mask != 255] > 0)
    return np.concatenate(scores), np.concatenate(truth)


def pxap(scores: np.ndarray, truth: np.ndarray, thresholds: list[float]) -> float:
    """Area under precision and recall, threshold after threshold, from the highest to the lowest."""
    objects, others = np.sort(scores[truth]), np.sort(scores[~truth])
    points = [(0.0, 0.0)]
    for threshold in [1.0, *thresholds[::-1]]:
        right, wrong = (len(each) - np.searchsorted(each, threshold) for each in (objects, others))
        points.append((right / len(objects), right / (right + wrong) if right + wrong else 0.0))
    return 100 * sum((there - here) * precision for (here, _), (there, precision) in pairwise(points))
