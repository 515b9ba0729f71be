#!/usr/bin/env bash
# transformers: DETR's image processor takes a category's id for its class, and class
# K of a model with K classes is "no object". With ids from 1, as COCO's own files have
# them, the objects of the last category train the model to see nothing, silently.
#
# Versions:  transformers 5.24.0, torch 2.11.0, torchvision 0.26.0, Python 3.11
# Guess:     ids become places in the list of categories, or the loss refuses a class
#            that is as large as num_labels.
# Behaviour: the label is the id. The loss of a model with num_labels=2 takes label 2
#            without an error: it is the class that means no object, so the loss of a box
#            of it falls when the model is surer that there is none.
# Seen:      labels [2]; classification loss of that box where the model sees nothing:
#            0.0; where it sees class 0: 20.0; label 3 raises an error (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.24.0 torch==2.11.0 torchvision==0.26.0 scipy pillow
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import torch
from transformers import DetrImageProcessor
from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

image = np.zeros((64, 64, 3), np.uint8)
boxes = [dict(id=1, image_id=1, category_id=2, bbox=[16, 16, 32, 32], area=1024, iscrowd=0)]
inputs = DetrImageProcessor()(images=image, annotations=dict(image_id=1, annotations=boxes), return_tensors='pt')
target = {name: inputs['labels'][0][name] for name in ('class_labels', 'boxes')}
print('labels:', target['class_labels'].tolist())
# Two classes, and one logit more for no object, as DetrForObjectDetection(num_labels=2) has them.
loss = ImageLoss(HungarianMatcher(), num_classes=2, eos_coef=0.1, losses=['labels'])


def classification_loss(seen: int, label: int = 2) -> float:
    """The loss of one query whose box is right, and which is sure of a class."""
    logits = torch.full((1, 1, 3), -10.0)
    logits[..., seen] = 10
    outputs = dict(logits=logits, pred_boxes=target['boxes'][None])
    found = loss(outputs, [dict(target, class_labels=torch.tensor([label]))])
    return round(float(found['loss_ce']), 2)


nothing, first = classification_loss(2), classification_loss(0)
print('loss where the model sees nothing:', nothing, 'where it sees class 0:', first)
try:
    classification_loss(0, label=3)
    refused = False
except Exception:
    refused = True
print('a label that is larger still is refused:', refused)
assert target['class_labels'].tolist() == [2], 'the behaviour has changed'
assert nothing == 0 and first == 20 and refused, 'the behaviour has changed'
PYTHON
