"""Scoring a map against a mask, pixel by pixel.

Reference: PxAP of Choe et al., "Evaluating Weakly Supervised Object
Localization Methods Right", CVPR 2020, Section 4.2.
"""

import cv2
import numpy as np

from .boxes import normalize_map
from .protocols import Protocol

IGNORE = 255


def pixel_histograms(score_map: np.ndarray, mask: np.ndarray, protocol: Protocol, thresholds: np.ndarray) -> np.ndarray:
    """Count foreground and background pixels by their score.

    Args:
        score_map: ``(h, w)`` float array of any range.
        mask: ``(H, W)`` integer array: 0 background, 255 to be ignored,
            anything else foreground. It is brought to the protocol's frame
            with nearest interpolation.
        protocol: Gives the frame and the rules for maps.
        thresholds: ``(T,)`` rising thresholds, the first 0.

    Returns:
        ``(2, T + 1)`` ``int64`` array: numbers of foreground and of background
        pixels with a score from each threshold to the next. The last bin is
        for a score of 1.

    Raises:
        ValueError: If the map cannot be scored, the mask is not a
            two-dimensional, non-empty array or the thresholds do not rise
            from 0.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f'a mask must be a non-empty (H, W) array, got shape {mask.shape}')
    edges = np.append(thresholds, 1.0)
    if edges[0] != 0 or not (np.diff(edges) > 0).all():
        raise ValueError('thresholds must rise from 0 to below 1')
    scores = normalize_map(score_map, protocol).ravel()
    kinds = np.where(mask == IGNORE, IGNORE, mask != 0).astype(np.uint8)
    mask = cv2.resize(kinds, protocol.frame, interpolation=cv2.INTER_NEAREST).ravel()

    bins = np.searchsorted(edges, scores, side='right') - 1
    foreground = np.bincount(bins[(mask != 0) & (mask != IGNORE)], minlength=len(edges))
    background = np.bincount(bins[mask == 0], minlength=len(edges))
    return np.stack([foreground, background])


def precision_recall(histograms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at each threshold, from the highest to the lowest.

    Args:
        histograms: ``(2, T + 1)`` sum of :func:`pixel_histograms` over all
            images.

    Returns:
        Two ``(T + 1,)`` ``float64`` arrays; precision is NaN where no pixel
        is above the threshold.

    Raises:
        ValueError: If there is no foreground pixel.
    """
    true_positives, false_positives = histograms[:, ::-1].cumsum(axis=1)
    if not true_positives[-1]:
        raise ValueError('no mask has a foreground pixel: precision and recall are not defined')
    positives = true_positives + false_positives
    precision = np.divide(true_positives, positives, out=np.full(positives.shape, np.nan), where=positives > 0)
    return precision, true_positives / true_positives[-1]


def pixel_average_precision(histograms: np.ndarray) -> float:
    """PxAP: the area under the precision-recall curve, in percent.

    Each step in recall, from 0 on, counts with the precision at its end, as
    in the benchmark.

    Args:
        histograms: The same as in :func:`precision_recall`.

    Raises:
        ValueError: Where :func:`precision_recall` does.
    """
    precision, recall = precision_recall(histograms)
    return 100.0 * float(np.nansum(precision * np.diff(recall, prepend=0.0)))
