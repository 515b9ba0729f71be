"""Boxes from score maps, and overlaps of boxes.

Boxes are ``(x1, y1, x2, y2)``. Overlaps follow the inclusive-pixel
convention of both protocols: a box covers ``x2 - x1 + 1`` columns.
"""

from typing import Any

import cv2
import numpy as np

from .protocols import Protocol
from .regions import REGION_RECTS, components, outer_contours

_INTERPOLATIONS = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC}


def normalize_map(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Bring a score map to the protocol's frame and to [0, 1].

    Min-max normalisation, ``(x - min) / (max - min + epsilon)``, in the frame
    or at the map's own resolution, as the protocol says. A map that is
    constant or not finite says nothing about where the object is: it becomes
    all zeros.

    Args:
        score_map: ``(h, w)`` float array of any range; in the frame and in
            [0, 1] where the protocol does not normalise.
        protocol: Gives the frame, the interpolation and how to normalise.

    Returns:
        ``(height, width)`` float array in the map's precision. It takes both
        0 and 1, unless the map says nothing, is not normalised, is normalised
        before it is brought to the frame, or ``epsilon`` is not 0.

    Raises:
        ValueError: If the map is not a two-dimensional, non-empty array, or
            the protocol does not normalise and the map is not in the frame,
            not finite or not in [0, 1].
    """
    score_map = _as_map(score_map)
    if not protocol.normalize:
        return _as_it_stands(score_map, protocol)
    if protocol.normalize_first:
        normalized = _min_max(*_extremes(score_map), protocol)
        return np.clip(_resize(normalized, protocol), 0, 1)  # bicubic interpolation overshoots
    return _min_max(*_bring_to_frame(score_map, protocol), protocol)


def _as_map(score_map: Any) -> np.ndarray:
    if hasattr(score_map, 'detach'):  # a tensor, perhaps of a precision that NumPy does not have
        score_map = score_map.detach().cpu()
        score_map = score_map.float() if score_map.element_size() < 4 else score_map
    score_map = np.asarray(score_map)
    if score_map.ndim != 2 or score_map.size == 0:
        raise ValueError(f'a score map must be a non-empty (h, w) array, got shape {score_map.shape}')
    return score_map if score_map.dtype in (np.float32, np.float64) else score_map.astype(np.float32)


def _as_it_stands(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    shape, low, high = protocol.frame[::-1], score_map.min(), score_map.max()
    if score_map.shape != shape or not (low >= 0 and high <= 1):
        raise ValueError(
            f'a map of shape {score_map.shape} with values from {low:g} to {high:g} cannot be scored as it stands, '
            f'which needs shape {shape} and values in [0, 1]: normalise it first (normalize=True in the protocol)'
        )
    return score_map


def _resize(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    if score_map.shape == protocol.frame[::-1]:
        return score_map
    return cv2.resize(score_map, protocol.frame, interpolation=_INTERPOLATIONS[protocol.interpolation])


def _bring_to_frame(score_map: np.ndarray, protocol: Protocol) -> tuple[np.ndarray, Any, Any]:
    """A map in the protocol's frame (a constant one as it is), its lowest and its highest value."""
    score_map, low, high = _extremes(score_map)
    # A constant map is not resized, which would add rounding noise.
    if low != high and score_map.shape != protocol.frame[::-1]:
        score_map = _resize(score_map, protocol)
        low, high = score_map.min(), score_map.max()
    return score_map, low, high


def _extremes(score_map: np.ndarray) -> tuple[np.ndarray, Any, Any]:
    """A map, its lowest and its highest value; smaller by a power of two where their distance would be infinite."""
    low, high = score_map.min(), score_map.max()
    limit = np.finfo(score_map.dtype).max / 4  # room for bicubic interpolation, which overshoots
    if (low < -limit or high > limit) and np.isfinite(low) and np.isfinite(high):
        eighth = score_map.dtype.type(1 / 8)
        return score_map * eighth, low * eighth, high * eighth
    return score_map, low, high


def _min_max(score_map: np.ndarray, low: Any, high: Any, protocol: Protocol) -> np.ndarray:
    if _says_nothing(low, high):
        return np.zeros(protocol.frame[::-1], score_map.dtype)
    return (score_map - low) / (high - low + score_map.dtype.type(protocol.epsilon))


def _says_nothing(low: Any, high: Any) -> bool:
    return not (np.isfinite(low) and np.isfinite(high)) or low == high


def quantize_map(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Bring a score map to the protocol's frame as 8-bit grey levels.

    Args:
        score_map: The same as in :func:`normalize_map`.
        protocol: Gives the frame, the interpolation and how to normalise.

    Returns:
        ``(height, width)`` ``uint8`` array: the normalised map times 255,
        truncated.

    Raises:
        ValueError: Where :func:`normalize_map` does.
    """
    return (normalize_map(score_map, protocol) * 255).astype(np.uint8)


def reference_level(grey: np.ndarray, protocol: Protocol) -> float:
    """The reference of relative thresholds: the protocol's percentile of all grey levels.

    Args:
        grey: ``(height, width)`` ``uint8`` array of :func:`quantize_map`.
        protocol: Gives the percentile. It is interpolated linearly between
            the two nearest levels.

    Returns:
        The level, in [0, 255].
    """
    return float(grey.max() if protocol.percentile == 100 else np.percentile(grey, protocol.percentile))


def threshold_map(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    """The foreground of a score map: all that is above the protocol's threshold.

    An absolute threshold is compared with :func:`normalize_map`, in the map's
    precision. A relative one, times :func:`reference_level` and truncated, is
    compared with :func:`quantize_map`.

    Args:
        score_map: The same as in :func:`normalize_map`.
        protocol: Gives the frame, the threshold and how to normalise.

    Returns:
        ``(height, width)`` ``uint8`` array of 0 and 1.

    Raises:
        ValueError: If the protocol leaves the threshold open, and as
            :func:`normalize_map`.
    """
    if protocol.threshold is None:
        raise ValueError(
            f'protocol {protocol.name!r} leaves the threshold open: set one with get_protocol(protocol, threshold=...)'
        )
    if protocol.absolute_threshold:
        scores = normalize_map(score_map, protocol)
        return (scores > scores.dtype.type(protocol.threshold)).view(np.uint8)
    if protocol.normalize and not protocol.normalize_first and not protocol.epsilon and protocol.percentile == 100:
        return _threshold_scores(_as_map(score_map), protocol, int(protocol.threshold * 255) + 1)
    grey = quantize_map(score_map, protocol)
    return (grey > int(protocol.threshold * reference_level(grey, protocol))).view(np.uint8)


def _threshold_scores(score_map: np.ndarray, protocol: Protocol, level: int) -> np.ndarray:
    """The pixels that reach a grey level when the highest score becomes 255, without grey levels.

    The grey level never falls when the score rises. One comparison of the
    scores with the lowest one that reaches the level is therefore enough.
    """
    framed, low, high = _bring_to_frame(score_map, protocol)
    if _says_nothing(low, high):
        return np.zeros(protocol.frame[::-1], np.uint8)
    return (framed - low >= _first_at_level(level, high - low)).view(np.uint8)


def _first_at_level(level: int, span: Any) -> Any:
    """The lowest score above the minimum that becomes ``level`` of 255 when ``span`` does."""
    scale = span.dtype.type(255)  # NumPy before 2.0 would go on in double precision
    score = span.dtype.type(span / scale * level)
    while score / span * scale >= level:
        score = np.nextafter(score, -span)
    while score / span * scale < level:
        score = np.nextafter(score, span)
    return score


def map_to_boxes(score_map: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Draw the box, or boxes, of a score map.

    Args:
        score_map: ``(h, w)`` float array of any range.
        protocol: Gives the frame, the threshold and the rules. To use another
            threshold: ``get_protocol(protocol, threshold=0.2)``.

    Returns:
        ``(n, 4)`` ``int64`` boxes in the protocol's frame, at least one. It is
        the protocol's ``empty_box`` where nothing is above the threshold.
        Maximum edges are exclusive, as in OpenCV, so they may equal the
        frame's size unless the protocol clamps them.

    Raises:
        ValueError: If the protocol leaves the threshold open or the map is
            not a two-dimensional, non-empty array.

    Examples:
        >>> from mmtscam.localization import PROTOCOLS
        >>> score_map = np.zeros((14, 14), np.float32)
        >>> score_map[4:8, 2:6] = 1
        >>> map_to_boxes(score_map, PROTOCOLS['tscam']).tolist()
        [[26, 58, 102, 134]]
    """
    rects = REGION_RECTS[protocol.regions](threshold_map(score_map, protocol))
    return rects_to_boxes(np.array(rects), protocol) if rects else np.array([protocol.empty_box], np.int64)


def map_to_instances(score_map: np.ndarray, protocol: Protocol, min_area: float = 1.0) -> np.ndarray:
    """Draw one box for each separate object that a score map shows.

    :func:`map_to_boxes` with ``regions='all_contours'`` is a rule of
    evaluation. This function draws no boxes of holes and none of specks. An
    object is an 8-connected component, and its size is its number of pixels,
    where ``regions='component'``. Under all other protocols an object is an
    outermost contour, and its size is the area within it.

    Args:
        score_map: ``(h, w)`` float array of any range.
        protocol: Gives the frame, the threshold and the kind of region.
        min_area: Objects are left out whose size is below this share of the
            largest one's; in [0, 1].

    Returns:
        ``(n, 4)`` ``int64`` boxes in the protocol's frame, of the largest
        object first; none where nothing is above the threshold.

    Raises:
        ValueError: If ``min_area`` is out of range, and as
            :func:`map_to_boxes`.

    Examples:
        >>> from mmtscam.localization import PROTOCOLS
        >>> score_map = np.zeros((14, 14), np.float32)
        >>> score_map[2:8, 2:6] = score_map[4:8, 10:13] = 1
        >>> len(map_to_instances(score_map, PROTOCOLS['tscam'], min_area=0.2))
        2
    """
    if not 0 <= min_area <= 1:
        raise ValueError(f'min_area must be a share in [0, 1], got {min_area}')
    find = components if protocol.regions == 'component' else outer_contours
    rects, sizes = find(threshold_map(score_map, protocol))
    return rects_to_boxes(rects[sizes >= min_area * sizes.max(initial=0)], protocol)


def rects_to_boxes(rects: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Boxes of rectangles in the protocol's frame.

    Args:
        rects: ``(n, 4)`` integer array of x, y, width and height.
        protocol: Gives the frame and whether boxes are clamped to it.

    Returns:
        ``(n, 4)`` ``int64`` boxes.
    """
    boxes = rects.astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    if protocol.clamp_boxes:
        boxes[:, 2:] = np.minimum(boxes[:, 2:], np.array(protocol.frame) - 1)
    return boxes


def boxes_to_frame(boxes: np.ndarray, image_size: tuple[int, int], protocol: Protocol) -> np.ndarray:
    """Bring true boxes from image coordinates to the protocol's frame.

    Args:
        boxes: ``(n, 4)`` float boxes in original image coordinates.
        image_size: ``(width, height)`` of the original image in pixels.
        protocol: Gives the frame and the rules for truncating and clamping.

    Returns:
        ``(n, 4)`` ``int64`` boxes in the frame.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    if protocol.truncate_size:
        # The difference of two edges stored in float32 may fall just short of
        # the annotated size, which truncation would turn into a whole pixel.
        size = np.trunc(np.round(boxes[:, 2:] - boxes[:, :2], 3))
        start = np.trunc(np.round(boxes[:, :2], 3))
        boxes = np.concatenate([start, start + size], axis=1)
    size, frame = np.array([*image_size, *image_size]), np.array([*protocol.frame, *protocol.frame])
    framed = boxes / size * frame if protocol.divide_first else boxes * frame / size
    framed = np.maximum(framed, 0).astype(np.int64)
    if protocol.clamp_truth:
        framed[:, 2:] = np.minimum(framed[:, 2:], np.array(protocol.frame) - 1)
    return framed


def boxes_to_image(boxes: np.ndarray, image_size: tuple[int, int], protocol: Protocol) -> np.ndarray:
    """Bring boxes from the protocol's frame to image coordinates.

    Args:
        boxes: ``(n, 4)`` boxes in the frame.
        image_size: ``(width, height)`` of the original image in pixels.
        protocol: Gives the frame.

    Returns:
        ``(n, 4)`` ``float32`` boxes in original image coordinates.

    Raises:
        ValueError: If the size is not two numbers above 0.
    """
    if len(image_size) != 2 or min(image_size) <= 0:
        raise ValueError(f'image_size must be (width, height) in pixels, got {tuple(image_size)}')
    scale_x, scale_y = (size / framed for size, framed in zip(image_size, protocol.frame, strict=True))
    return (np.asarray(boxes).reshape(-1, 4) * [scale_x, scale_y, scale_x, scale_y]).astype(np.float32)


def box_overlaps(boxes: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Overlap every predicted box with every true box.

    Args:
        boxes: ``(n, 4)`` predicted boxes.
        truth: ``(m, 4)`` true boxes in the same coordinates.

    Returns:
        Three ``(n, m)`` ``float64`` arrays: IoU, IoG (intersection over the
        true box) and IoB (intersection over the predicted box).

    Examples:
        >>> iou, iog, iob = box_overlaps([[0, 0, 9, 9]], [[0, 0, 9, 4]])
        >>> iou.item(), iog.item(), iob.item()
        (0.5, 1.0, 0.5)
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 1, 4)
    truth = np.asarray(truth, np.float64).reshape(1, -1, 4)
    sides = np.minimum(boxes[..., 2:], truth[..., 2:]) - np.maximum(boxes[..., :2], truth[..., :2]) + 1
    intersection = np.maximum(sides, 0).prod(axis=-1)
    box_area = (boxes[..., 2:] - boxes[..., :2] + 1).prod(axis=-1)
    truth_area = (truth[..., 2:] - truth[..., :2] + 1).prod(axis=-1)
    iou = intersection / (box_area + truth_area - intersection)
    return iou, intersection / truth_area, intersection / box_area
