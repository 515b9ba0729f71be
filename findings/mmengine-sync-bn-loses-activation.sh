#!/usr/bin/env bash
# mmengine and PyTorch: synchronised batch norms take the activations out of timm's networks.
#
# Versions:  mmengine 0.10.7, torch 2.11.0, timm 1.0.31, numpy 2.4.6, Python 3.11
# Guess:     sync_bn='torch' of a config, which calls convert_sync_batchnorm, changes in which
#            processes means are taken, and in evaluation nothing.
# Behaviour: timm's EfficientNet, MobileNetV3 and others have the activation within the batch
#            norm (BatchNormAct2d). mmengine's function and PyTorch's put a plain SyncBatchNorm
#            in its place, so the activation is gone, without a word. timm's own keeps it.
# Seen:      the same logits after conversion by mmengine: False for EfficientNet-Lite0 and
#            MobileNetV3, True for ResNet18, which has activations of their own; PyTorch's the
#            same; timm's True for all (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.11.0 torchvision==0.26.0 timm==1.0.31 numpy==2.4.6 'setuptools<80'
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import copy

import timm
import torch
from mmengine.model import convert_sync_batchnorm
from timm.layers import convert_sync_batchnorm as of_timm

torch.manual_seed(0)
images = torch.randn(2, 3, 64, 64)
kept = {}
for name in ('efficientnet_lite0', 'mobilenetv3_large_100', 'resnet18'):
    model = timm.create_model(name, num_classes=10).eval()
    for norm in model.modules():  # as after some training
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(norm.running_mean, std=0.1)
            torch.nn.init.normal_(norm.bias, std=0.5)
    ways = {
        'mmengine': convert_sync_batchnorm,
        'torch': torch.nn.SyncBatchNorm.convert_sync_batchnorm,
        'timm': of_timm,
    }
    with torch.no_grad():
        before = model(images)
        after = {way: convert(copy.deepcopy(model)).eval()(images) for way, convert in ways.items()}
    kept[name] = {way: torch.allclose(logits, before, atol=1e-5) for way, logits in after.items()}
    print(f'{name}: the same logits after conversion by', ', '.join(f'{way} {same}' for way, same in kept[name].items()))
for name in ('efficientnet_lite0', 'mobilenetv3_large_100'):
    assert kept[name] == dict(mmengine=False, torch=False, timm=True), 'the behaviour has changed'
assert kept['resnet18'] == dict(mmengine=True, torch=True, timm=True), 'the behaviour has changed'
PYTHON
