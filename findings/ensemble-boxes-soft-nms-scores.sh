#!/usr/bin/env bash
# ensemble-boxes: soft_nms returns the scores that it was given, not the lowered ones,
# so a duplicate stays above other objects as if nothing had been done.
#
# Versions:  ensemble-boxes 1.0.9, opencv-python-headless 5.0.0.93, numpy 2.4.6,
#            Python 3.11
# Guess:     soft-NMS keeps boxes and lowers the scores of those that overlap a better
#            one; the scores that come back are the result.
# Behaviour: the lowered scores only decide the order and which boxes fall below thresh.
#            The scores that are returned are the first ones, with both methods, so the
#            average precision is that of no suppression at all.
# Seen:      0.9, its duplicate 0.8 and another object 0.3. Gaussian: formula and OpenCV
#            [0.9, 0.3, 0.21], ensemble-boxes [0.9, 0.3, 0.8]. Linear: formula and OpenCV
#            [0.9, 0.3, 0.15], ensemble-boxes [0.9, 0.3, 0.8] (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ensemble-boxes==1.0.9 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import cv2
import numpy as np
from ensemble_boxes import soft_nms

SIZE = 100
boxes = [[0, 0, 50, 50], [5, 0, 55, 50], [70, 70, 90, 90]]
scores = [0.9, 0.8, 0.3]


def overlap(first: list[int], second: list[int]) -> float:
    width = max(0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0, min(first[3], second[3]) - max(first[1], second[1]))
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return width * height / (both - width * height)


def by_formula(method: str) -> list[float]:
    left, found = list(zip(scores, boxes)), []
    while left:
        left.sort(key=lambda item: -item[0])
        best, box = left.pop(0)
        found.append(best)
        shared = [overlap(box, other) for _, other in left]
        factors = [np.exp(-(x**2) / 0.5) if method == 'gaussian' else 1 - x if x > 0.5 else 1 for x in shared]
        left = [(score * factor, other) for (score, other), factor in zip(left, factors)]
    return [round(float(score), 2) for score in found]


def by_opencv(method: str) -> list[float]:
    corners = [[left, top, right - left, bottom - top] for left, top, right, bottom in boxes]
    number = cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN if method == 'gaussian' else cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_LINEAR
    found, _ = cv2.dnn.softNMSBoxes(corners, scores, 0.001, 0.5, sigma=0.5, method=number)
    return [round(float(score), 2) for score in found]


def by_ensemble_boxes(method: str) -> list[float]:
    number = 2 if method == 'gaussian' else 1
    shares = (np.array(boxes) / SIZE).tolist()
    _, found, _ = soft_nms([shares], [list(scores)], [[0, 0, 0]], method=number, iou_thr=0.5, sigma=0.5)
    return [round(float(score), 2) for score in found]


for method in ('gaussian', 'linear'):
    expected, other, found = by_formula(method), by_opencv(method), by_ensemble_boxes(method)
    print(f'{method}: formula {expected}, OpenCV {other}, ensemble-boxes {found}')
    assert expected == other == [0.9, 0.3, 0.21 if method == 'gaussian' else 0.15]
    assert found == [0.9, 0.3, 0.8], 'the behaviour has changed'
PYTHON
