#!/usr/bin/env bash
# mmengine: a head whose classification loss is called "loss" hides the total
# from the log as soon as it has a second loss.
#
# Versions:  mmengine 0.10.7, torch 2.13.0, Python 3.11
# Guess:     BaseModel.parse_losses adds up all entries whose names hold
#            "loss", trains on the sum and logs it as "loss".
# Behaviour: it trains on the sum, but writes it into the log under "loss"
#            first and lets the entry of that name overwrite it. The log then
#            shows a part under the name of the whole, and mmpretrain's heads
#            call their only loss just so.
# Seen:      trained on 3.0, logged as loss 1.0 (2026-11-28)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.13.0 'setuptools<80'
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from mmengine.model import BaseModel


class Model(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


total, logged = Model().parse_losses({'loss': torch.tensor(1.0), 'loss_area': torch.tensor(2.0)})
print(f'trained on {total.item()}, logged as loss {logged["loss"].item()}')
assert (total.item(), logged['loss'].item()) == (3.0, 1.0), 'the behaviour has changed'
# Under other names nothing is hidden.
total, logged = Model().parse_losses({'loss_cls': torch.tensor(1.0), 'loss_area': torch.tensor(2.0)})
assert total.item() == logged['loss'].item() == 3.0, 'the behaviour has changed'
PYTHON
