#!/usr/bin/env bash
# grad-cam: on a layer that is followed by a ReLU in place, such as conv5_3 of
# torchvision's VGG16, the map on a CPU is made from activations after the ReLU
# and from gradients before it.
#
# Versions:  grad-cam 1.5.7, torch 2.11.0, torchvision 0.26.0, Python 3.11
# Guess:     the map of a layer comes from what the layer puts out. So it does not
#            matter whether the ReLU behind it writes in place, which changes no
#            number of the network itself.
# Behaviour: the package keeps the output's memory, not a copy, and the ReLU writes
#            over it. The gradient is still that on the layer's own output.
#            Networks of torchvision have nn.ReLU(inplace=True) throughout.
# Seen:      logits equal; the largest difference of the two maps, which lie in
#            [0, 1], is 0.40 (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet grad-cam==1.5.7 torch==2.11.0 torchvision==0.26.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import copy

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision.models import vgg16

torch.manual_seed(0)
model = vgg16(num_classes=5).eval()
images = torch.rand(1, 3, 96, 96)
apart = copy.deepcopy(model)
for module in apart.modules():
    if isinstance(module, torch.nn.ReLU):
        module.inplace = False
with torch.no_grad():
    assert torch.equal(model(images), apart(images))
maps = []
for network in (model, apart):
    with GradCAM(network, [network.features[28]]) as cam:
        maps.append(cam(images.clone(), [ClassifierOutputTarget(0)]))
difference = float(np.abs(maps[0] - maps[1]).max())
print(f'logits equal; the largest difference of the two maps, which lie in [0, 1], is {difference:.2f}')
assert difference > 0.1, 'the behaviour has changed'
PYTHON
