#!/usr/bin/env bash
# mmpretrain: eval() and train() of nearly every backbone return None, so that
# backbone = build_backbone(...).eval() is None.
#
# Versions:  mmpretrain 1.2.0, mmengine 0.10.7, mmcv-lite 2.1.0, torch 2.11.0,
#            Python 3.11
# Guess:     a backbone is a torch.nn.Module, whose train() and eval() return the
#            module, so that calls can be chained as everywhere else.
# Behaviour: backbones override train() to freeze stages, and the override has no
#            return. eval() of torch hands on what it gets, which is None. A whole
#            ImageClassifier is not concerned, since it does not override train().
# Seen:      VGG, ResNet, EfficientNet, VisionTransformer: eval() and train() are
#            None; ImageClassifier: itself (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmpretrain==1.2.0 mmengine==0.10.7 mmcv-lite==2.1.0 torch==2.11.0 \
    torchvision==0.26.0 'setuptools<80' 'numpy<2.4' 'opencv-python-headless'
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from mmengine.registry import MODELS, init_default_scope
import mmpretrain.models  # noqa: F401 - registers them

init_default_scope('mmpretrain')
for backbone in (
    dict(type='VGG', depth=11, num_classes=-1),
    dict(type='ResNet', depth=18),
    dict(type='EfficientNet', arch='b0'),
    dict(type='VisionTransformer', arch='deit-tiny', img_size=32),
):
    model = MODELS.build(backbone)
    found = model.eval(), model.train()
    print(f'{backbone["type"]}: eval() and train() are {found}')
    assert found == (None, None), 'the behaviour has changed'
head = dict(type='LinearClsHead', num_classes=2, in_channels=512)
whole = MODELS.build(dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=18), neck=dict(type='GlobalAveragePooling'), head=head))
assert whole.eval() is whole, 'the behaviour has changed'
print('ImageClassifier: eval() is itself')
PYTHON
