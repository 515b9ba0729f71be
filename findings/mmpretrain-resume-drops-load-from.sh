#!/usr/bin/env bash
# mmpretrain's train.py: --resume in a new work directory throws away the config's
# load_from, and training starts from random weights.
#
# Versions:  mmpretrain 1.2.0, mmengine 0.10.7, mmcv-lite 2.1.0, torch 2.11.0,
#            Python 3.11
# Guess:     a job that may be killed is always started with --resume. The first
#            time there is nothing to resume, so it starts as it would without the
#            flag: from the checkpoint that load_from names.
# Behaviour: --resume sets load_from to None before anybody has looked for something
#            to resume. The log says "Did not find last_checkpoint to be resumed."
#            and nothing of load_from. mmdet's train.py has the same lines.
# Seen:      with a learning rate of 0 the last weights are those of load_from; with
#            --resume they are others (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmpretrain==1.2.0 mmengine==0.10.7 mmcv-lite==2.1.0 torch==2.11.0 \
    torchvision==0.26.0 'setuptools<80' 'numpy<2.4' 'opencv-python-headless'
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from pathlib import Path

import numpy as np
from PIL import Image

for name in 'ab':
    Path('images', name).mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(f'images/{name}/0.png')
Path('config.py').write_text("""
default_scope = 'mmpretrain'
model = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=18), neck=dict(type='GlobalAveragePooling'),
             head=dict(type='LinearClsHead', num_classes=2, in_channels=512))
data_preprocessor = dict(mean=[0, 0, 0], std=[255, 255, 255], num_classes=2)
train_dataloader = dict(
    batch_size=2, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', data_prefix='images', pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')]))
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
""")
Path('from_first.py').write_text("_base_ = 'config.py'\nload_from = 'first/epoch_1.pth'\n")
PYTHON
train=$(venv/bin/python -c 'import mmpretrain, os; print(os.path.join(os.path.dirname(mmpretrain.__file__), ".mim/tools/train.py"))')
# mmengine cannot read its own checkpoints with the default of torch from 2.6 on.
export TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1
run() { venv/bin/python -W ignore "$train" "$@" > log.txt 2>&1 || { tail -n 20 log.txt; exit 1; }; }
run config.py --work-dir first --cfg-options randomness.seed=1
run from_first.py --work-dir plain --cfg-options randomness.seed=2
run from_first.py --work-dir again --resume --cfg-options randomness.seed=2
venv/bin/python -W ignore - <<'PYTHON'
import torch

first, plain, again = (
    torch.load(f'{name}/epoch_1.pth', weights_only=False)['state_dict']['head.fc.weight'] for name in ('first', 'plain', 'again')
)
same = [torch.equal(first, each) for each in (plain, again)]
print(f'weights of load_from at the end: without --resume {same[0]}, with it {same[1]}')
assert same == [True, False], 'the behaviour has changed'
PYTHON
