"""One image as a row of panels: what the model saw, attended to and boxed."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmtscam.localization import MAP_MODES, box_overlaps
from mmtscam.structures import LocDataSample

PREDICTED_COLOR = (230, 40, 40)
TRUE_COLOR = (30, 200, 60)
_TITLES = {'attention': 'attention A*', 'semantic': 'semantic map', 'coupled': 'coupled map'}
_HEIGHT = 224
_CAPTION = 24
_GAP = 4


def draw_panels(image: np.ndarray, sample: LocDataSample, classes: Sequence[str] | None = None) -> np.ndarray:
    """Draw image, maps of the predicted class and boxes side by side.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB, the original image.
        sample: Prediction for it, with ``pred_instances`` and ``class_maps``;
            true boxes are drawn where ``gt_instances`` has them.
        classes: Names of the classes.

    Returns:
        ``(h, w, 3)`` ``uint8`` RGB picture: the image, the maps that the
        sample has (A*, S_c, M_c), and the Top-1 box in red with the true
        boxes in green.
    """
    scale = _HEIGHT / image.shape[0]
    size = (max(1, round(image.shape[1] * scale)), _HEIGHT)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)

    label = int(sample.pred_label)
    panels = [_captioned(small, _truth_caption(sample, classes))]
    row = sample.class_maps.labels.tolist().index(label)
    for name in sorted(set(sample.class_maps.keys()) & set(MAP_MODES), key=list(_TITLES).index):
        score_map = sample.class_maps[name][row].float().cpu().numpy()
        panels.append(_captioned(_overlay(small, score_map), _TITLES[name]))

    boxed = small.copy()
    predicted = sample.pred_instances.bboxes[sample.pred_instances.labels == label].cpu().numpy()
    caption = f'{_class_name(label, classes)} {float(sample.pred_score[label]):.2f}'
    if 'gt_instances' in sample and len(sample.gt_instances):
        truth = sample.gt_instances.bboxes.cpu().numpy()
        _draw_boxes(boxed, truth * scale, TRUE_COLOR)
        caption += f', IoU {box_overlaps(predicted, truth)[0].max():.2f}'
    _draw_boxes(boxed, predicted * scale, PREDICTED_COLOR)
    panels.append(_captioned(boxed, caption))

    gap = np.full((_HEIGHT + _CAPTION, _GAP, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)


def _class_name(label: int, classes: Sequence[str] | None) -> str:
    return classes[label] if classes and label < len(classes) else f'class {label}'


def _truth_caption(sample: LocDataSample, classes: Sequence[str] | None) -> str:
    return _class_name(int(sample.gt_label), classes) if 'gt_label' in sample else 'image'


def _overlay(image: np.ndarray, score_map: np.ndarray) -> np.ndarray:
    large = cv2.resize(score_map, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    spread = float(large.max() - large.min())
    level = (large - large.min()) / spread if spread > 0 else np.zeros_like(large)
    heat = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    return cv2.addWeighted(image, 0.5, np.ascontiguousarray(heat), 0.5, 0)


def _draw_boxes(image: np.ndarray, boxes: np.ndarray, color: tuple[int, int, int]) -> None:
    for x1, y1, x2, y2 in np.round(boxes).astype(int).tolist():
        cv2.rectangle(image, (x1, y1), (min(x2, image.shape[1] - 1), min(y2, image.shape[0] - 1)), color, 2)


def _captioned(image: np.ndarray, caption: str) -> np.ndarray:
    bar = np.full((_CAPTION, image.shape[1], 3), 255, np.uint8)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    while size > 0.3 and cv2.getTextSize(caption, font, size, 1)[0][0] > image.shape[1] - 6:
        size -= 0.02
    cv2.putText(bar, caption, (3, _CAPTION - 8), font, size, (20, 20, 20), 1, cv2.LINE_AA)
    return np.concatenate([bar, image])
