#!/usr/bin/env bash
# torchvision: the target of an image without a box has no key "boxes" or "labels".
#
# Versions:  torchvision 0.26.0, torch 2.11.0, pycocotools 2.0.11, Python 3.11
# Guess:     wrap_dataset_for_transforms_v2(CocoDetection(...), target_keys=(...))
#            gives every target the keys that were asked for; those of an image
#            without an object are empty, as torchvision's own detectors want them.
# Behaviour: the keys are missing, and a detector in training raises KeyError when the
#            image comes, which may be long after the start. Images without an object
#            are common in boxes that were made by a model and cut by score.
# Seen:      keys with a box ['boxes', 'image_id', 'labels'], without ['image_id'];
#            Faster R-CNN: KeyError: 'boxes' (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchvision==0.26.0 torch==2.11.0 pycocotools==2.0.11
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

import torch
from PIL import Image
from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn
from torchvision.transforms.functional import to_tensor

for name in ('bird', 'sky'):
    Image.new('RGB', (64, 64)).save(f'{name}.jpg')
content = dict(
    categories=[dict(id=1, name='bird')],
    images=[dict(id=place + 1, file_name=f'{name}.jpg', width=64, height=64) for place, name in enumerate(('bird', 'sky'))],
    annotations=[dict(id=1, image_id=1, category_id=1, bbox=[8, 8, 32, 32], area=1024, iscrowd=0)],
)
Path('boxes.json').write_text(json.dumps(content))
with contextlib.redirect_stdout(io.StringIO()):
    dataset = CocoDetection('.', 'boxes.json')
dataset = wrap_dataset_for_transforms_v2(dataset, target_keys=('image_id', 'boxes', 'labels'))
(image, target), (empty_image, empty_target) = dataset[0], dataset[1]
print('keys with a box:', sorted(target), 'without:', sorted(empty_target))
torch.manual_seed(0)
model = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=2).train()
model([to_tensor(image)], [target])
try:
    model([to_tensor(empty_image)], [empty_target])
    error = 'none'
except KeyError as caught:
    error = f'KeyError: {caught}'
print('Faster R-CNN in training with the image without a box:', error)
assert sorted(target) == ['boxes', 'image_id', 'labels'], 'the behaviour has changed'
assert sorted(empty_target) == ['image_id'], 'the behaviour has changed'
assert error == "KeyError: 'boxes'", 'the behaviour has changed'
PYTHON
