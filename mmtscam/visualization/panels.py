"""A picture of one prediction as rows of panels: the image, its maps and its boxes."""

from collections.abc import Sequence

import numpy as np

from mmtscam.localization import box_overlaps
from mmtscam.structures import LocDataSample, MapKind
from mmtscam.utils.class_names import readable_class_name

from .drawing import (
    PREDICTED_COLOR,
    TRUE_COLOR,
    draw_boxes,
    draw_legend,
    draw_text,
    fit_size,
    line_height,
    overlay_map,
    resize_image,
)

_GAP = 6
# Shares of a panel's height: letters, the widest panel, and the narrowest, on which a caption can still be read.
_TEXT, _WIDEST, _NARROWEST = 1 / 17, 2.0, 0.8


def draw_panels(
    image: np.ndarray,
    sample: LocDataSample,
    classes: Sequence[str] | None = None,
    height: int = 240,
    draw_gt: bool = True,
    draw_pred: bool = True,
    pred_score_thr: float = 0.0,
    font: str | None = None,
) -> np.ndarray:
    """Draw image, maps and boxes side by side.

    There is one row for each class in ``pred_instances`` if the sample asks
    for classes (``query_label``), else one row for the predicted class.

    Args:
        image: ``(H, W, 3)`` ``uint8`` RGB, the original image.
        sample: Prediction for it, with ``pred_instances`` and ``class_maps``.
        classes: Names of the classes.
        height: Largest height of a panel in pixels; its width is at most
            twice that. The text grows with it.
        draw_gt: Whether to draw the true boxes, where ``gt_instances`` has
            some, and the IoU with the nearest.
        draw_pred: Whether to draw the predicted boxes.
        pred_score_thr: Predicted boxes of classes with a lower score are left
            out, and so is their IoU.
        font: The font to prefer, by name or file; letters that it lacks come
            from others.

    Returns:
        ``(h, w, 3)`` ``uint8`` RGB picture: the image, the maps that the
        sample has, and the boxes beside the map that they were drawn from,
        with a legend below.
    """
    size = fit_size(image, round(_WIDEST * height), height)
    small = resize_image(image, size)
    scale = np.tile(np.array(size) / image.shape[1::-1], 2)
    labels = (sample.query_label if 'query_label' in sample else sample.pred_label).flatten().tolist()
    sure = [label for label in labels if float(sample.pred_score[label]) >= pred_score_thr]
    rows = [
        _row_panels(small, scale, sample, label, classes, draw_gt, draw_pred, with_box=label in sure)
        for label in labels
    ]

    letters = max(10, round(_TEXT * height))
    caption = 2 * line_height(letters) + _GAP
    width = max(size[0], round(_NARROWEST * height))
    columns = max(len(row) for row in rows)
    canvas = np.full(
        (len(rows) * (caption + size[1] + _GAP) + line_height(letters) + _GAP, columns * (width + _GAP) - _GAP, 3),
        255,
        np.uint8,
    )
    for number, row in enumerate(rows):
        top = number * (caption + size[1] + _GAP)
        for column, (panel, lines) in enumerate(row):
            left = column * (width + _GAP)
            for place, line in enumerate(lines):
                draw_text(canvas, (left + 2, top + 2 + place * line_height(letters)), line, letters, width - 4, font)
            left += (width - size[0]) // 2
            canvas[top + caption : top + caption + size[1], left : left + size[0]] = panel
    shown = [(_drawn_from(sample), PREDICTED_COLOR)] if draw_pred and sure else []
    if draw_gt and len(_true_boxes(sample)):
        shown.append(('true box', TRUE_COLOR))
    draw_legend(canvas, canvas.shape[0] - line_height(letters) - 2, letters, shown, font)
    return canvas


Panel = tuple[np.ndarray, tuple[str, ...]]


def _row_panels(
    image: np.ndarray,
    scale: np.ndarray,
    sample: LocDataSample,
    label: int,
    classes: Sequence[str] | None,
    draw_gt: bool,
    draw_pred: bool,
    with_box: bool,
) -> list[Panel]:
    """Panels of a class, each with a caption of one or two lines; ``with_box`` if the score is high enough."""
    truth = int(sample.gt_label[0]) if draw_gt and 'gt_label' in sample else None
    panels: list[Panel] = [(image, ('image',) if truth is None else ('image of', readable_class_name(truth, classes)))]
    row = sample.class_maps.labels.tolist().index(label)
    for kind in _shown_kinds(sample):
        score_map = sample.class_maps[kind.name][row].float().cpu().numpy()
        whose = 'of all classes' if kind.class_agnostic else f'of {readable_class_name(label, classes)}'
        panels.append((overlay_map(image, score_map), (kind.title, whose)))

    boxed = image.copy()
    true_boxes = _true_boxes(sample) if draw_gt else np.zeros((0, 4))
    chosen = (sample.pred_instances.labels == label) & with_box
    predicted = sample.pred_instances.bboxes[chosen].cpu().numpy()
    second = f'score {float(sample.pred_score[label]):.2f}'
    if len(true_boxes) and len(predicted):
        second += f', IoU {box_overlaps(predicted, true_boxes)[0].max():.2f}'
    draw_boxes(boxed, true_boxes * scale, TRUE_COLOR)
    if draw_pred:
        draw_boxes(boxed, predicted * scale, PREDICTED_COLOR)
    return [*panels, (boxed, (readable_class_name(label, classes), second))]


def _shown_kinds(sample: LocDataSample) -> list[MapKind]:
    """The kinds of map in a sample, the one that boxes were drawn from last: it stands beside them."""
    # A sample of other code has maps without a name.
    kinds = sample.class_maps.get('map_kinds') or (MapKind('maps', 'map'),)
    return sorted(kinds, key=lambda kind: kind.name == sample.class_maps.get('map_kind'))


def _drawn_from(sample: LocDataSample) -> str:
    """The legend of predicted boxes: kind of map, views of test-time augmentation, and threshold."""
    maps = sample.class_maps
    drawn = [_shown_kinds(sample)[-1].title]
    if (views := maps.get('views', 1)) > 1:
        drawn.append(f'{views} views')
    if maps.get('zoom', False):
        drawn.append('closer look')
    if (threshold := maps.get('threshold')) is not None:
        drawn.append(f'threshold {threshold:g}')
    if (min_area := maps.get('min_area')) is not None:
        drawn.append(f'regions from {min_area:g} of the largest')
    return f'predicted box ({", ".join(drawn)})'


def _true_boxes(sample: LocDataSample) -> np.ndarray:
    return sample.gt_instances.bboxes.cpu().numpy() if 'gt_instances' in sample else np.zeros((0, 4))
