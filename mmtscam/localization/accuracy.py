"""Accuracy over IoU levels (the paper's Figure 5)."""

import numpy as np


def accuracy_over_ious(ious: np.ndarray, levels: np.ndarray, strict: bool = False) -> np.ndarray:
    """Percentage of images whose IoU reaches each level.

    Args:
        ious: ``(N,)`` IoU of each image, N at least 1; -1 for an image that
            is wrong at every level.
        levels: ``(L,)`` IoU levels.
        strict: Whether the IoU must be above the level (Top-k Loc) instead
            of at least at it (GT-known Loc).

    Returns:
        ``(L,)`` ``float64`` percentages.

    Examples:
        >>> accuracy_over_ious([0.5, 0.8], [0.3, 0.5, 0.7]).tolist()
        [100.0, 100.0, 50.0]
        >>> accuracy_over_ious([0.5, 0.8], [0.3, 0.5, 0.7], strict=True).tolist()
        [100.0, 50.0, 50.0]
    """
    ious = np.asarray(ious, np.float64)[:, None]
    reached = ious > levels if strict else ious >= levels
    return 100.0 * reached.sum(axis=0) / len(ious)
