#!/usr/bin/env bash
# mmpretrain: class names in another order than the folders' are taken, and name the wrong classes.
#
# Versions:  mmpretrain 1.2.0, mmengine 0.10.7, mmcv-lite 2.1.0, torch 2.11.0, torchvision 0.26.0
# Guess:     CustomDataset(metainfo=dict(classes=('dog', 'cat'))) on folders
#            cat and dog gives label 0 to dog, or refuses, since the names are
#            those of the folders.
# Behaviour: labels follow the sorted folders, and the given names are laid
#            over them, so each image of cat is called dog. Only their number
#            is checked.
# Seen:      cat/a.jpg has label 0, which is called dog (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmpretrain==1.2.0 mmengine==0.10.7 mmcv-lite==2.1.0 torch==2.11.0 \
    torchvision==0.26.0 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
import sys
from pathlib import Path

from mmpretrain.datasets import CustomDataset

root = Path(sys.argv[1], 'images')
for name in ('cat', 'dog'):
    (root / name).mkdir(parents=True)
    (root / name / 'a.jpg').touch()
dataset = CustomDataset(data_root=str(root), metainfo=dict(classes=('dog', 'cat')))
info = dataset.get_data_info(0)
path = Path(info['img_path']).relative_to(root)
print(f'{path} has label {info["gt_label"]}, which is called {dataset.CLASSES[info["gt_label"]]}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
cat/a.jpg has label 0, which is called dog
SEEN
