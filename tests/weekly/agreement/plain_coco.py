"""COCO's average precision, from its definition: boxes in lists, one after the other."""

from bisect import bisect_left
from collections import defaultdict
from typing import Any

import numpy as np

LEVELS = np.linspace(0.5, 0.95, 10).tolist()  # the last bits of COCO's levels
RECALLS = np.linspace(0, 1, 101).tolist()

Entry = dict[str, Any]


def average_precision(true: list[Entry], found: list[Entry], categories: list[int], levels: list[float]) -> list[float]:
    """AP in percent at each level, the mean over the categories that have a true box.

    Args:
        true: Entries with ``image_id``, ``category_id``, ``bbox`` and
            ``iscrowd``, which may be missing.
        found: The same with ``score``.
        categories: Ids of categories. Categories of ``true`` and ``found`` are
            in it.
        levels: Levels of IoU.
    """
    means = []
    for level in levels:
        values = [
            _of_category(
                [each for each in true if each['category_id'] == category],
                [each for each in found if each['category_id'] == category],
                level,
            )
            for category in categories
        ]
        means.append(100 * float(np.mean([value for value in values if value is not None])))
    return means


def _of_category(true: list[Entry], found: list[Entry], level: float) -> float | None:
    """Average precision; ``None`` without a true box that is no crowd."""
    total = sum(not each.get('iscrowd') for each in true)
    if not total:
        return None
    truths, predicted = defaultdict(list), defaultdict(list)
    for each in true:
        truths[each['image_id']].append(each)
    for each in found:
        predicted[each['image_id']].append(each)
    ranked = []  # score, whether right, of what counts
    for image in sorted(predicted):
        # The best 100 of an image count; equal scores stay in order.
        best = sorted(predicted[image], key=lambda each: -each['score'])[:100]
        for each, right in zip(best, match(truths[image], best, level), strict=True):
            if right is not None:
                ranked.append((each['score'], right))
    ranked.sort(key=lambda pair: -pair[0])
    right, points = 0, []
    for place, (_, is_right) in enumerate(ranked, 1):
        right += is_right
        points.append((right / total, right / place))
    recalls = [recall for recall, _ in points]
    heights = [max((precision for _, precision in points[place:]), default=0.0) for place in range(len(points) + 1)]
    return sum(heights[bisect_left(recalls, recall)] for recall in RECALLS) / len(RECALLS)


def match(true: list[Entry], found: list[Entry], level: float) -> list[bool | None]:
    """Whether each box, the best first, finds a true box of its own; ``None`` where it finds a crowd."""
    free = [each for each in true if not each.get('iscrowd')]
    crowds = [each for each in true if each.get('iscrowd')]
    results: list[bool | None] = []
    for box in found:
        shares = [iou(box['bbox'], each['bbox']) for each in free]
        best = max(shares, default=0.0)
        if shares and best >= level:
            # The last of equally good ones.
            del free[len(shares) - 1 - shares[::-1].index(best)]
            results.append(True)
        elif any(iou(box['bbox'], each['bbox'], crowd=True) >= level for each in crowds):
            results.append(None)
        else:
            results.append(False)
    return results


def iou(box: list[float], other: list[float], crowd: bool = False) -> float:
    """Overlap of boxes x, y, width and height with real edges; with a crowd, the share of the box that lies in it."""
    across = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    down = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    shared = across * down if across > 0 and down > 0 else 0.0
    own = box[2] * box[3]
    return shared / (own if crowd else own + other[2] * other[3] - shared)


def correct_localization(true: list[Entry], found: list[Entry]) -> float:
    """Percentage of images with a true box whose best box, of any category, has an IoU of at least 0.5 with one."""
    images = {each['image_id'] for each in true if not each.get('iscrowd')}
    right = 0
    for image in images:
        own = [each for each in found if each['image_id'] == image]
        if own:
            best = max(own, key=lambda each: each['score'])
            right += any(
                iou(best['bbox'], each['bbox']) >= 0.5
                for each in true
                if each['image_id'] == image and not each.get('iscrowd')
            )
    return 100 * right / len(images)
