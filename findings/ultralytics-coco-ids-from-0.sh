#!/usr/bin/env bash
# ultralytics: the converter of COCO files takes a category's id minus one for its
# class and does not look at the list of categories. Ids that do not begin with 1
# give training data with wrong classes, without an error.
#
# Versions:  ultralytics 8.4.190, torch 2.11.0, torchvision 0.26.0, Python 3.11
# Guess:     classes are the places of the ids in "categories", by which readers
#            such as datumaro go. The format does not say where ids begin, and
#            cls91to80=False is there for data sets of one's own.
# Behaviour: with ids 0, 1, 2 the label files say -1, 0, 1. Training leaves out the
#            images of the first category as corrupt, with a line in its log, and
#            takes each other category for the one before it.
# Seen:      classes in the label files: {'cat': -1, 'dog': 0, 'owl': 1};
#            images in training: {'dog': 'cat', 'owl': 'dog'} (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ultralytics==8.4.190 torch==2.11.0 torchvision==0.26.0
cd "$folder"
YOLO_CONFIG_DIR="$folder" "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

from PIL import Image
from ultralytics.data.converter import convert_coco
from ultralytics.data.dataset import YOLODataset

names = ['cat', 'dog', 'owl']
root = Path('data')
for folder in ('annotations', 'images/train', 'labels/train'):
    (root / folder).mkdir(parents=True)
for name in names:
    Image.new('RGB', (64, 64)).save(root / f'images/train/{name}.jpg')
content = dict(
    categories=[dict(id=number, name=name) for number, name in enumerate(names)],
    images=[dict(id=number, file_name=f'{name}.jpg', width=64, height=64) for number, name in enumerate(names)],
    annotations=[
        dict(id=number, image_id=number, category_id=number, bbox=[8, 8, 32, 32], area=1024, iscrowd=0)
        for number in range(3)
    ],
)
(root / 'annotations/instances_train.json').write_text(json.dumps(content))
with contextlib.redirect_stdout(io.StringIO()):
    convert_coco(root / 'annotations', save_dir='converted', cls91to80=False)
written = {name: int(Path(f'converted/labels/train/{name}.txt').read_text().split()[0]) for name in names}
print('classes in the label files:', written)
for name in names:
    Path(f'converted/labels/train/{name}.txt').rename(root / f'labels/train/{name}.txt')
dataset = YOLODataset(
    img_path=str(root / 'images/train'), data=dict(names=dict(enumerate(names)), channels=3), augment=False, imgsz=64
)
kept = {Path(each['im_file']).stem: names[int(each['cls'][0, 0])] for each in dataset.labels}
print('images in training, with their class:', kept)
assert written == dict(cat=-1, dog=0, owl=1), 'the behaviour has changed'
assert kept == dict(dog='cat', owl='dog'), 'the behaviour has changed'
PYTHON
