"""Maps to boxes, overlaps and outcomes, by the rules of the protocols alone: NumPy's arrays, SciPy's components.

Boxes and overlaps are whole numbers and compared as such, so nothing is rounded.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import floor

import cv2
import numpy as np
from scipy import ndimage

from mmtscam.localization import Protocol

EIGHT = np.ones((3, 3))
BY_OPENCV = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC}


def framed_truth(boxes: np.ndarray, size: tuple[int, int], rules: Protocol) -> np.ndarray:
    """True boxes in the frame, edge by edge in Python's numbers."""
    sides, frame = (*size, *size), (*rules.frame, *rules.frame)
    framed = []
    for x1, y1, x2, y2 in boxes.tolist():
        edges = [x1, y1, x2, y2]
        if rules.truncate_size:
            edges = [int(x1), int(y1), int(x1) + int(x2 - x1), int(y1) + int(y2 - y1)]
        scaled = [
            edge / side * new if rules.divide_first else edge * new / side
            for edge, side, new in zip(edges, sides, frame, strict=True)
        ]
        whole = [int(max(edge, 0)) for edge in scaled]
        if rules.clamp_truth:
            whole[2:] = [min(edge, new - 1) for edge, new in zip(whole[2:], rules.frame, strict=True)]
        framed.append(whole)
    return np.array(framed, np.int64).reshape(-1, 4)


def weights(old: int, new: int, interpolation: str) -> np.ndarray:
    """``(new, old)`` weights of an interpolation between pixel centres that repeats the border."""
    table = np.zeros((new, old))
    for place in range(new):
        centre = (place + 0.5) * old / new - 0.5
        first = floor(centre)
        part = centre - first
        taps = {0: 1 - part, 1: part} if interpolation == 'bilinear' else {n: _cubic(n - part) for n in range(-1, 3)}
        for offset, weight in taps.items():
            table[place, min(max(first + offset, 0), old - 1)] += weight
    return table


def _cubic(distance: float, a: float = -0.75) -> float:
    x = abs(distance)
    return (a + 2) * x**3 - (a + 3) * x**2 + 1 if x <= 1 else a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a


def resized(values: np.ndarray, rules: Protocol) -> np.ndarray:
    """A map in the frame: by the formula where that is exact in every step, else by OpenCV, as the protocols say."""
    frame = rules.frame[::-1]
    if values.shape == frame:
        return values
    if resizes_exactly(values, rules):
        down, across = (weights(*sides, rules.interpolation) for sides in zip(values.shape, frame, strict=True))
        return (down @ values.astype(np.float64) @ across.T).astype(values.dtype)
    return cv2.resize(values, rules.frame, interpolation=BY_OPENCV[rules.interpolation])


def resizes_exactly(values: np.ndarray, rules: Protocol) -> bool:
    """Whether all weights and values have few bits: small whole numbers, brought to twice their size."""
    twice = (2 * values.shape[1], 2 * values.shape[0]) == rules.frame
    return twice and bool((values == np.round(values)).all() and abs(values).max() < 32)


def normalized(score_map: np.ndarray, rules: Protocol) -> np.ndarray:
    """A map in the frame and in [0, 1], in its own precision; half precision as single."""
    values = score_map if score_map.dtype == np.float64 else score_map.astype(np.float32)
    if not rules.normalize:
        return values
    if rules.normalize_first:
        return np.clip(resized(_stretched(values, rules), rules), 0, 1)
    nothing = values.min() == values.max()
    return np.zeros(rules.frame[::-1], values.dtype) if nothing else _stretched(resized(values, rules), rules)


def _stretched(values: np.ndarray, rules: Protocol) -> np.ndarray:
    if values.min() == values.max():
        return np.zeros_like(values)
    return (values - values.min()) / (values.max() - values.min() + values.dtype.type(rules.epsilon))


def foregrounds(values: np.ndarray, rules: Protocol, thresholds: Sequence[float]) -> Iterator[tuple[int, np.ndarray]]:
    """Where a normalised map is above each threshold, with a number by which equal foregrounds are known."""
    if rules.absolute_threshold:
        for threshold in thresholds:
            above = values > values.dtype.type(threshold)
            # Foregrounds of one map lie within each other: equally large ones are equal.
            yield int(above.sum()), above
        return
    grey = np.floor(values * values.dtype.type(255)).astype(int)
    reference = percentile(grey, rules.percentile)
    last = -1
    for cut in (int(threshold * reference) for threshold in thresholds):
        if cut != last:
            last, above = cut, grey > cut
        yield cut, above


def percentile(grey: np.ndarray, percent: float) -> float:
    """The level below which a percentage of all lies, between the two nearest in proportion."""
    ordered = np.sort(grey, axis=None)
    place = (grey.size - 1) * Fraction(percent) / 100
    below, above = (int(ordered[min(floor(place) + more, grey.size - 1)]) for more in (0, 1))
    return float(below + (above - below) * (place - floor(place)))


def boxes(above: np.ndarray, rules: Protocol) -> np.ndarray:
    """``(n, 4)`` boxes of a foreground."""
    found = _REGIONS[rules.regions](above)
    if not found:
        return np.array([rules.empty_box])
    whole = np.array(found)
    if rules.clamp_boxes:
        whole[:, 2:] = np.minimum(whole[:, 2:], np.array(rules.frame) - 1)
    return whole


def _around(place: Sequence[slice], margin: int = 0) -> list[int]:
    down, across = place
    return [across.start - margin, down.start - margin, across.stop + margin, down.stop + margin]


def _every_contour(above: np.ndarray) -> list[list[int]]:
    parts = ndimage.find_objects(ndimage.label(above, EIGHT)[0])
    outside, _ = ndimage.label(np.pad(~above, 1, constant_values=True))
    holes = [place for number, place in enumerate(ndimage.find_objects(outside), 1) if number != outside[0, 0]]
    # The border of a hole runs on the pixels around it; in the padded array it lies one further.
    return [*map(_around, parts), *([edge - 1 for edge in _around(place, margin=1)] for place in holes)]


def _whole(above: np.ndarray) -> list[list[int]]:
    places = ndimage.find_objects(above.astype(int))
    return [_around(place) for place in places]


def _largest_component(above: np.ndarray) -> list[list[int]]:
    labels, count = ndimage.label(above, EIGHT)
    if not count:
        return []
    sizes = np.bincount(labels.ravel())[1:]
    first = min(np.flatnonzero(sizes == sizes.max()) + 1, key=lambda number: (labels == number).argmax())
    return [_around(ndimage.find_objects(labels)[first - 1])]


def _largest_contour(above: np.ndarray) -> list[list[int]]:
    """The part whose outer contour has the largest area; of several, the one that OpenCV lists first."""
    labels, _ = ndimage.label(above, EIGHT)
    places = ndimage.find_objects(labels)
    limits = [(place[0].stop - place[0].start - 1) * (place[1].stop - place[1].start - 1) for place in places]
    best, largest = -1.0, []
    for number in sorted(range(len(places)), key=lambda number: -limits[number]):
        if limits[number] < best:
            break
        area = contour_area(labels[places[number]] == number + 1)
        if area > best:
            best, largest = area, []
        if area == best:
            largest.append(_around(places[number]))
    return largest if len(largest) < 2 else [_first_of_opencv(above, largest)]


def contour_area(part: np.ndarray) -> float:
    """Area within the line through the outermost pixel centres: 1 for four neighbours, 1/2 for three."""
    outside, _ = ndimage.label(np.pad(~part, 1, constant_values=True))
    filled = (outside != outside[0, 0])[1:-1, 1:-1].astype(int)
    corners = filled[:-1, :-1] + filled[1:, :-1] + filled[:-1, 1:] + filled[1:, 1:]
    return (corners == 4).sum() + (corners == 3).sum() / 2


def _first_of_opencv(above: np.ndarray, candidates: list[list[int]]) -> list[int]:
    contours, _ = cv2.findContours(above.astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    x, y, width, height = cv2.boundingRect(max(contours, key=cv2.contourArea))
    assert [x, y, x + width, y + height] in candidates
    return [x, y, x + width, y + height]


_REGIONS = {
    'contour': _largest_contour,
    'all_contours': _every_contour,
    'union': _whole,
    'component': _largest_component,
}


def overlaps(found: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels that two boxes share, and those of each, ``(n, m)``; edges count as pixels."""
    one, other = np.asarray(found)[:, None], np.asarray(truth)[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2]) + 1
    shared = np.where((sides > 0).all(-1), sides.prod(-1), 0)
    areas = [(box[..., 2:] - box[..., :2] + 1).prod(-1) for box in (one, other)]
    return shared, *(np.broadcast_to(area, shared.shape) for area in areas)


def reached(part: np.ndarray, whole: np.ndarray, level: float, strict: bool = False) -> np.ndarray:
    """Whether a share reaches a level, or is above it, in whole numbers."""
    exact = Fraction(str(level))
    left, right = part * exact.denominator, whole * exact.numerator
    return left > right if strict else left >= right


def outcome(box: np.ndarray, truth: np.ndarray, level: float) -> str:
    """The category of a box of the right class."""
    shared, own, true = (each[0] for each in overlaps(box[None], truth))
    union = own + true - shared
    if reached(shared, union, level, strict=True).any():
        return 'right'
    if reached(shared, true, 0.3, strict=True).sum() > 1:
        return 'multi_instance'
    nearest = max(range(len(truth)), key=lambda index: Fraction(int(shared[index]), int(union[index])))
    if reached(shared[nearest], own[nearest], 0.5, strict=True):
        return 'part'
    return 'more' if reached(shared[nearest], true[nearest], 0.7) else 'other'
