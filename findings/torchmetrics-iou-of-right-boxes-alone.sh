#!/usr/bin/env bash
# torchmetrics: IntersectionOverUnion with a threshold leaves the wrong boxes out of its mean.
#
# Versions:  torchmetrics 1.9.0, torch 2.11.0, torchvision 0.26.0, pycocotools 2.0.11, numpy 2.3.5
# Guess:     iou_threshold=0.5 makes a box below it count as nothing, as in
#            the function intersection_over_union, so it lowers the figure.
# Behaviour: pairs below the threshold are no part of the mean at all. A worse
#            model gets a higher figure. Nor is a box compared with its own
#            true box alone: the mean is over all pairs of an image, so two
#            perfect boxes in one image get 1/2.
# Seen:      one box an image: the first is perfect, the second has IoU 1/3
#            without a threshold: 0.667
#            with iou_threshold=0.5: 1.000
#            two perfect boxes in one image: 0.500
#            the function, with iou_threshold=0.5: 0.500 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchmetrics==1.9.0 torch==2.11.0 torchvision==0.26.0 pycocotools==2.0.11 \
    numpy==2.3.5
cat > "$folder/see.py" <<'PYTHON'
import torch
from torchmetrics.detection import IntersectionOverUnion
from torchmetrics.functional.detection import intersection_over_union


def image(*boxes):
    return dict(boxes=torch.tensor(boxes), labels=torch.zeros(len(boxes), dtype=torch.long))


SMALL, TALL, OTHER = [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 30.0], [20.0, 20.0, 30.0, 30.0]
found, true = [image(SMALL), image(SMALL)], [image(SMALL), image(TALL)]
print(f'without a threshold: {IntersectionOverUnion()(found, true)["iou"]:.3f}')
print(f'with iou_threshold=0.5: {IntersectionOverUnion(iou_threshold=0.5)(found, true)["iou"]:.3f}')
two = [image(SMALL, OTHER)]
print(f'two perfect boxes in one image: {IntersectionOverUnion()(two, two)["iou"]:.3f}')
pairs = (torch.cat([each['boxes'] for each in some]) for some in (found, true))
print(f'the function, with iou_threshold=0.5: {intersection_over_union(*pairs, iou_threshold=0.5):.3f}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
without a threshold: 0.667
with iou_threshold=0.5: 1.000
two perfect boxes in one image: 0.500
the function, with iou_threshold=0.5: 0.500
SEEN
