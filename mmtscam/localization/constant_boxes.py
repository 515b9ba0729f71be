"""The best score of a single box that is used for every image."""

import numpy as np

from .boxes import box_overlaps
from .protocols import Protocol


def constant_box_accuracy(box: np.ndarray, truth: list[np.ndarray], protocol: Protocol) -> float:
    """GT-known Loc of one box used for every image.

    Args:
        box: ``(4,)`` box in the protocol's frame.
        truth: For every image, its ``(m, 4)`` true boxes in the frame.
        protocol: Gives the IoU level.

    Returns:
        Percentage of images in which the box reaches the IoU level with a
        true box.
    """
    hits = [box_overlaps(box, boxes)[0].max() >= protocol.iou_level for boxes in truth]
    return 100.0 * float(np.mean(hits))


def best_constant_box(truth: list[np.ndarray], protocol: Protocol, steps: int = 28) -> np.ndarray:
    """Search the box that localises most images when used for all of them.

    The edges run over a grid of ``steps`` positions a side. The box is chosen
    on the scored images themselves, so no constant box of that grid does
    better.

    Args:
        truth: For every image, its ``(m, 4)`` true boxes in the frame.
        protocol: Gives the frame and the IoU level.
        steps: Grid positions a side.

    Returns:
        ``(4,)`` ``int64`` box in the frame.
    """
    width, height = protocol.frame
    xs = np.linspace(0, width - 1, steps + 1).astype(np.int64)
    ys = np.linspace(0, height - 1, steps + 1).astype(np.int64)
    x1, x2 = (axis.ravel() for axis in np.meshgrid(xs, xs, indexing='ij'))
    y1, y2 = (axis.ravel() for axis in np.meshgrid(ys, ys, indexing='ij'))
    across = np.stack([x1, x2], 1)[x1 < x2]
    down = np.stack([y1, y2], 1)[y1 < y2]
    rows = np.repeat(np.arange(len(across)), len(down))
    cols = np.tile(np.arange(len(down)), len(across))
    candidates = np.stack([across[rows, 0], down[cols, 0], across[rows, 1], down[cols, 1]], 1)
    hits = np.zeros(len(candidates), np.int64)
    for boxes in truth:
        hits += box_overlaps(candidates, boxes)[0].max(axis=1) >= protocol.iou_level
    return candidates[hits.argmax()]
