"""The outcome categories of the paper's error analysis, for one image."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from .boxes import box_overlaps


class Outcome(str, Enum):
    """Exclusive outcomes of the Top-1 prediction (paper, Table 4), in the order in which they are checked."""

    CLASSIFICATION = 'classification'
    RIGHT = 'right'
    MULTI_INSTANCE = 'multi_instance'
    PART = 'part'
    MORE = 'more'
    OTHER = 'other'


@dataclass(frozen=True)
class OutcomeLimits:
    """Overlaps at which the outcome categories begin.

    Args:
        iou: Right if the IoU with a true box is above this.
        multi_instance_iog: A true box counts as covered if its IoG is above
            this; multi-instance if more than one is covered.
        part_iob: Part if the IoB with the nearest true box is above this.
        more_iog: More if the IoG of the nearest true box is at least this.
    """

    iou: float = 0.5
    multi_instance_iog: float = 0.3
    part_iob: float = 0.5
    more_iog: float = 0.7


def localization_outcome(box: np.ndarray, truth: np.ndarray, limits: OutcomeLimits = OutcomeLimits()) -> Outcome:
    """Say how a Top-1 prediction of the right class localises.

    Only the true box with the highest IoU decides on part and more, as in the
    released code.

    Args:
        box: ``(4,)`` predicted box of the Top-1 class.
        truth: ``(m, 4)`` true boxes in the same coordinates, ``m`` at least 1.
        limits: Overlaps at which the categories begin.

    Returns:
        One of the outcomes other than ``CLASSIFICATION``.
    """
    iou, iog, iob = (overlap[0] for overlap in box_overlaps(box, truth))
    if iou.max() > limits.iou:
        return Outcome.RIGHT
    if (iog > limits.multi_instance_iog).sum() > 1:
        return Outcome.MULTI_INSTANCE
    nearest = iou.argmax()
    if iob[nearest] > limits.part_iob:
        return Outcome.PART
    if iog[nearest] >= limits.more_iog:
        return Outcome.MORE
    return Outcome.OTHER
