#!/usr/bin/env bash
# mmengine with a network of timm: custom_keys={'head': ...}, which is to make the
# classifier learn faster, does so for a pretrained layer of the backbone as well.
#
# Versions:  mmengine 0.10.7, timm 1.0.31, torch 2.11.0, Python 3.11
# Guess:     'head' is the model's part of that name, as in model.head.
# Behaviour: a key is looked for anywhere in a parameter's full name, and the last
#            convolution of timm's EfficientNet, MobileNetV3 and GhostNet is called
#            conv_head. Nothing fails; the layer with most weights of the backbone
#            trains at the classifier's rate. 'head.' is in its name too. A longer
#            key, 'backbone.conv_head', goes before the shorter one.
# Seen:      tf_efficientnet_lite0: backbone.conv_head.weight at 0.1 beside 0.01 for
#            all other layers of the backbone; with the longer key at 0.01
#            (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 timm==1.0.31 torch==2.11.0 torchvision==0.26.0 \
    'setuptools<80' 'opencv-python-headless'
"$folder/venv/bin/python" -W ignore - <<'PYTHON' | tail -n 1 # the lines before are mmengine's log
import timm
from mmengine.optim import build_optim_wrapper
from torch import nn

model = nn.Module()
model.backbone = timm.create_model('tf_efficientnet_lite0', num_classes=0)
model.head = nn.Linear(1280, 10)


def fast(keys):
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=0.01), paramwise_cfg=dict(custom_keys=keys)))
    rates = {id(value): group['lr'] for group in wrapper.param_groups for value in group['params']}
    return [name for name, value in model.named_parameters() if rates[id(value)] > 0.05]


short = fast({'head': dict(lr_mult=10)})
longer = fast({'head': dict(lr_mult=10), 'backbone.conv_head': dict(lr_mult=1)})
print(f"'head': {short}; with 'backbone.conv_head': {longer}")
assert short == ['backbone.conv_head.weight', 'head.weight', 'head.bias'], 'the behaviour has changed'
assert longer == ['head.weight', 'head.bias'], 'the behaviour has changed'
PYTHON
