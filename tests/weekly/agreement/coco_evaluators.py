"""COCO's evaluation by pycocotools, faster-coco-eval and torchmetrics."""

import contextlib
import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

Entry = dict[str, Any]


def need(name: str, command: str) -> Any:
    """A package that the project itself does not need."""
    return pytest.importorskip(name, reason=f'for this test: pip install {command}')


def tools(name: str) -> tuple[Callable, Callable]:
    """The classes ``COCO`` and ``COCOeval`` of a package by its name."""
    if name == 'pycocotools':
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        return COCO, COCOeval
    package = need('faster_coco_eval', 'faster-coco-eval==1.8.0')
    return package.COCO, package.COCOeval_faster


def evaluate(name: str, truth: dict[str, Any], found: list[Entry], **params: Any) -> Any:
    """An evaluation after ``accumulate``; ``params`` replace its own."""
    coco, evaluation = tools(name)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco()
        reference.dataset = copy.deepcopy(dict(truth, info={}))
        for each in reference.dataset['annotations']:
            each.setdefault('iscrowd', 0)
            each.setdefault('area', each['bbox'][2] * each['bbox'][3])
        reference.createIndex()
        done = evaluation(reference, reference.loadRes(copy.deepcopy(found)), 'bbox')
        for key, value in params.items():
            setattr(done.params, key, value)
        done.evaluate()
        done.accumulate()
    return done


def average_precision(name: str, truth: dict[str, Any], found: list[Entry], class_agnostic: bool) -> list[float]:
    """AP, AP50 and AP75 in percent, from the table of precisions rather than from the printed summary.

    Without categories all boxes are of one: ``useCats=0`` would take equal
    scores of an image in the order of their categories.
    """
    if class_agnostic:
        annotations = [dict(each, category_id=1) for each in truth['annotations']]
        truth = dict(truth, categories=[dict(id=1)], annotations=annotations)
        found = [dict(each, category_id=1) for each in found]
    precision = evaluate(name, truth, found).eval['precision'][..., 0, -1]
    return [100 * float(part[part > -1].mean()) for part in (precision, precision[:1], precision[5:6])]


def mean_average_precision(truth: dict[str, Any], found: list[Entry], **options: Any) -> dict[str, float]:
    """The numbers of torchmetrics' ``MeanAveragePrecision``."""
    need('torchmetrics', 'torchmetrics==1.9.0')
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(box_format='xywh', **options)
    for image in sorted(each['id'] for each in truth['images']):
        own, true = ([each for each in some if each['image_id'] == image] for some in (found, truth['annotations']))
        boxes, true_boxes = (
            torch.tensor([each['bbox'] for each in some], dtype=torch.float64).reshape(-1, 4) for some in (own, true)
        )
        labels, true_labels = (torch.tensor([each['category_id'] for each in some]).long() for some in (own, true))
        metric.update(
            [
                dict(
                    boxes=boxes,
                    labels=labels,
                    scores=torch.tensor([each['score'] for each in own], dtype=torch.float64),
                )
            ],
            [
                dict(
                    boxes=true_boxes,
                    labels=true_labels,
                    iscrowd=torch.tensor([each.get('iscrowd', 0) for each in true]).long(),
                )
            ],
        )
    return {key: float(value) for key, value in metric.compute().items() if value.numel() == 1}


def found_by_one_box(name: str, boxes: np.ndarray, truth: list[np.ndarray], levels: tuple[float, ...]) -> Any:
    """COCO's evaluation, without categories, of one box an image at some levels of IoU.

    Args:
        name: The package.
        boxes: ``(n, 4)`` boxes of inclusive pixels, one an image.
        truth: Boxes of each image.
        levels: Levels of IoU.
    """
    pairs = [(number, box) for number, some in enumerate(truth) for box in some]
    true = [
        dict(id=place, image_id=number, category_id=1, bbox=with_pixels(box))
        for place, (number, box) in enumerate(pairs, 1)
    ]
    found = [dict(image_id=number, category_id=1, bbox=with_pixels(box), score=0.5) for number, box in enumerate(boxes)]
    images = [dict(id=number) for number in range(len(boxes))]
    content = dict(images=images, categories=[dict(id=1)], annotations=true)
    return evaluate(name, content, found, useCats=0, iouThrs=np.array(levels), maxDets=[1])


def recall(done: Any) -> np.ndarray:
    """Percentage of true boxes that are found, at each level."""
    return 100 * done.eval['recall'][:, 0, 0, 0]


def share_of_matches(done: Any) -> np.ndarray:
    """Percentage of boxes that match a true one, at each level; pycocotools alone keeps its matches."""
    matches = [each['dtMatches'][:, 0] > 0 for each in done.evalImgs if each and each['aRng'] == done.params.areaRng[0]]
    return 100 * np.mean(matches, axis=0)


def with_pixels(box: np.ndarray) -> list[float]:
    """x, y, width and height of a box whose edges are pixels of it."""
    x1, y1, x2, y2 = (float(edge) for edge in box)
    return [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
