"""How far an exported file agrees with another one on images, and how well each localises."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mmtscam.evaluation import LocAccuracy
from mmtscam.localization import Protocol, box_overlaps, map_to_boxes

from .check import Runner

# IoU from which on a box counts as the same.
SAME_BOX = 0.9


class CheckImage(NamedTuple):
    """An image to compare files on.

    Attributes:
        pixels: ``(3, H, W)`` ``uint8`` RGB.
        truth: A :class:`LocDataSample` as a dict with ``gt_label``,
            ``gt_instances`` and ``ori_shape``; ``None`` where class or boxes
            are not known.
    """

    pixels: np.ndarray
    truth: dict[str, Any] | None = None


class Prediction(NamedTuple):
    """The answer of a file for an image.

    Attributes:
        label: The best class.
        boxes: ``(n, 4)`` boxes of this class in the protocol's frame.
        row: The image's row of :class:`LocAccuracy`; ``None`` without truth.
    """

    label: int
    boxes: np.ndarray
    row: dict[str, Any] | None


class Agreement(NamedTuple):
    """How many images keep what.

    Attributes:
        images: Number of images.
        same_class: How many have the same best class.
        same_box: How many of these have the same boxes too, with an IoU of at
            least :data:`SAME_BOX`.
    """

    images: int
    same_class: int
    same_box: int


def predict(run: Runner, images: Sequence[CheckImage], protocol: Protocol) -> list[Prediction]:
    """Let a file classify and localise images, one after the other.

    Args:
        run: Runs the file.
        images: The images.
        protocol: Rules for drawing boxes, with a threshold.

    Returns:
        A prediction for each image.

    Raises:
        ValueError: If a score is not finite, or a true box is none.
    """
    metric, predictions = LocAccuracy(protocol, topk=1), []
    for image in images:
        scores, maps = (output[0] for output in run(image.pixels[None].astype(np.float32))[:2])
        label, row = int(scores.argmax()), None
        if image.truth is not None:
            class_maps = dict(labels=np.arange(len(scores)), maps=maps)
            row = metric.score(dict(image.truth, pred_score=scores, class_maps=class_maps), metric.protocol)
        predictions.append(Prediction(label, map_to_boxes(maps[label], protocol), row))
    return predictions


def compare(before: Sequence[Prediction], after: Sequence[Prediction]) -> Agreement:
    """Compare the predictions of two files for the same images."""
    same = [old.label == new.label for old, new in zip(before, after, strict=True)]
    boxes = [_same_boxes(old.boxes, new.boxes) for old, new in zip(before, after, strict=True)]
    return Agreement(len(same), sum(same), sum(map(all, zip(same, boxes, strict=True))))


def _same_boxes(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether each box has its like among the others, and none is new."""
    ious = box_overlaps(before, after)[0]
    return len(before) == len(after) and min(ious.max(axis=0).min(), ious.max(axis=1).min()) >= SAME_BOX


def accuracy(predictions: Sequence[Prediction], protocol: Protocol) -> dict[str, float]:
    """Top-1 Loc and GT-known Loc in percent, over the images whose class and boxes are known.

    Args:
        predictions: Predictions of :func:`predict`.
        protocol: The rules that they were made with.

    Returns:
        The numbers of :class:`LocAccuracy` by their names, ``loc_top1`` and
        ``gt_known``, one for each IoU level of the protocol; empty where no
        truth is known.
    """
    rows = [prediction.row for prediction in predictions if prediction.row is not None]
    if not rows:
        return {}
    numbers = LocAccuracy(protocol, topk=1).summarise(rows, len(rows))
    return {number.name: number.value for number in numbers if number.name.startswith(('loc_top1', 'gt_known'))}
