"""Scoring a map against a mask, pixel by pixel.

Reference: PxAP of Choe et al., "Evaluating Weakly Supervised Object
Localization Methods Right", CVPR 2020, Section 4.2.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from .boxes import normalize_map
from .protocols import Protocol

IGNORE = 255
_MOST_CELLS = 1 << 16  # so that the table stays small


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
    if mask.dtype != np.uint8:  # nearest interpolation of OpenCV does not take every type
        mask = np.where(mask == IGNORE, IGNORE, mask != 0).astype(np.uint8)
    scores = normalize_map(score_map, protocol)
    bins = _bins(scores, _edges(np.asarray(thresholds, np.float64).tobytes(), scores.dtype))
    count = len(thresholds) + 1
    # Foreground, background and ignored pixels are counted in one go, in three histograms side by side.
    offsets = np.zeros(256, np.int32)
    offsets[0], offsets[IGNORE] = count, 2 * count
    bins += cv2.LUT(cv2.resize(mask, protocol.frame, interpolation=cv2.INTER_NEAREST), offsets)
    return np.bincount(bins.ravel(), minlength=3 * count).reshape(3, count)[:2]


class _Edges(NamedTuple):
    """Where bins begin, with a table by which the bin of a score is found at once.

    [0, 1] is divided into cells, a power of two of them, so that the cell of a
    score is found without rounding.

    Attributes:
        nexts: ``(T + 1,)`` scores from which on the next bin begins, in the
            precision of the scores.
        first: ``(cells + 1,)`` bins of the scores with which cells begin.
        more: Largest number of bins that begin within a cell.
    """

    nexts: np.ndarray
    first: np.ndarray
    more: int


@lru_cache(maxsize=8)
def _edges(thresholds: bytes, dtype: np.dtype) -> _Edges:
    exact = np.append(np.frombuffer(thresholds), 1.0)
    steps = np.diff(exact)
    if exact[0] != 0 or not (steps > 0).all():
        raise ValueError('thresholds must rise from 0 to below 1')
    # A score reaches an edge if it reaches the first number of its own precision from the edge on.
    edges = exact.astype(dtype)
    edges = np.where(edges < exact, np.nextafter(edges, dtype.type(2)), edges)
    cells = 2
    while cells < _MOST_CELLS and cells * steps.min() < 1:
        cells *= 2
    starts = np.arange(cells + 2) / cells
    first = np.searchsorted(edges, starts[:-1], side='right') - 1
    last = np.searchsorted(edges, starts[1:], side='left') - 1
    return _Edges(np.append(edges[1:], np.inf).astype(dtype), first, int((last - first).max()))


def _bins(scores: np.ndarray, edges: _Edges) -> np.ndarray:
    """The bin of every score in [0, 1]: what ``np.searchsorted(edges, scores, side='right') - 1`` finds more slowly."""
    bins = edges.first.take((scores * scores.dtype.type(len(edges.first) - 1)).astype(np.intp))
    for _ in range(edges.more):
        bins += scores >= edges.nexts.take(bins)
    return bins


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
