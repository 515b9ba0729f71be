#!/usr/bin/env bash
# PyTorch: torch.save writes a check sum beside every tensor, and torch.load does not
# look at it: a flipped bit in a checkpoint gives another weight, without an error.
#
# Versions:  torch 2.11.0, numpy 2.4.6, Python 3.11
# Guess:     the file is a zip archive, whose readers compare check sums, so a damaged
#            copy or download does not load.
# Behaviour: it loads, with weights_only=True and False and with mmap=True. Python's
#            zipfile names the damaged part of the same file.
# Seen:      a weight of 1.0 loads as -1.0 (three times); zipfile: checkpoint/data/0
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.11.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import zipfile
from pathlib import Path

import torch

weights = torch.ones(64)
torch.save(dict(weights=weights), 'checkpoint.pth')
content = bytearray(Path('checkpoint.pth').read_bytes())
place = bytes(content).index(weights.numpy().tobytes())
content[place + 3] ^= 0x80  # the sign of the first weight
Path('checkpoint.pth').write_bytes(content)
ways = (dict(weights_only=True), dict(weights_only=False), dict(weights_only=True, mmap=True))
loaded = [torch.load('checkpoint.pth', **way)['weights'][0].item() for way in ways]
with zipfile.ZipFile('checkpoint.pth') as file:
    damaged = file.testzip()
print('the first weight, which was 1.0:', loaded)
print('zipfile finds damage in:', damaged)
assert loaded == [-1, -1, -1] and damaged == 'checkpoint/data/0', 'the behaviour has changed'
PYTHON
