"""The metrics' work written plainly, to which the package is held in speed and in what it counts."""

import cv2
import numpy as np

from mmtscam.localization import Protocol, box_overlaps, normalize_map, quantize_map


def sweep_directly(score_map: np.ndarray, truth: np.ndarray, protocol: Protocol, grid: np.ndarray) -> np.ndarray:
    """Do the sweep plainly: foreground, contours, boxes and IoU at every threshold of the grid.

    Args:
        score_map: ``(h, w)``.
        truth: ``(n, 4)`` true boxes in the frame.
        protocol: A protocol whose regions are contours.
        grid: ``(T,)`` thresholds.

    Returns:
        ``(L, T)`` bool array: whether the box is right at each IoU level and
        threshold.
    """
    grey = quantize_map(score_map, protocol)
    width, height = protocol.frame
    best = []
    for threshold in grid:
        _, foreground = cv2.threshold(grey, int(threshold * grey.max()), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if contours and protocol.regions == 'contour':
            contours = [max(contours, key=cv2.contourArea)]
        boxes = []
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            boxes.append((x, y, min(x + w, width - 1), min(y + h, height - 1)))
        iou = box_overlaps(np.array(boxes or [protocol.empty_box]), truth)[0]
        best.append(iou.max())
    return np.array(best) >= np.array(protocol.iou_levels)[:, None]


def localize_directly(sample: dict) -> None:
    """Do the work of LocAccuracy plainly: the maps of the Top-5 classes and of the true class, one after another."""
    label = int(sample['gt_label'])
    top = sample['pred_score'].argsort(descending=True)[:5].tolist()
    truth = sample['gt_instances']['bboxes'].numpy().astype(np.int64)
    labels = sample['class_maps']['labels'].tolist()
    for wanted in [*top, label]:
        score_map = sample['class_maps']['maps'][labels.index(wanted)].numpy()
        score_map = cv2.resize(score_map, (224, 224))
        score_map = (score_map - score_map.min()) / (score_map.max() - score_map.min())
        grey = (score_map * 255).astype(np.uint8)
        _, foreground = cv2.threshold(grey, int(0.1 * grey.max()), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
        box_overlaps(np.array([[x, y, x + w, y + h]]), truth)


def count_directly(score_map: np.ndarray, mask: np.ndarray, protocol: Protocol, grid: np.ndarray) -> np.ndarray:
    """Do the work of PixelAP plainly: a search among all thresholds for every pixel.

    Args:
        score_map: ``(h, w)``.
        mask: ``(H, W)`` integers: 0 background, 255 to be ignored, else
            foreground.
        protocol: The rules for maps.
        grid: ``(T,)`` rising thresholds, the first 0.

    Returns:
        ``(2, T + 1)`` numbers of foreground and background pixels from each
        threshold to the next.
    """
    edges = np.append(grid, 1.0)
    full = np.where(mask == 255, 255, mask != 0).astype(np.uint8)
    kinds = cv2.resize(full, protocol.frame, interpolation=cv2.INTER_NEAREST).ravel()
    bins = np.searchsorted(edges, normalize_map(score_map, protocol).ravel(), side='right') - 1
    foreground = np.bincount(bins[(kinds != 0) & (kinds != 255)], minlength=len(edges))
    return np.stack([foreground, np.bincount(bins[kinds == 0], minlength=len(edges))])
