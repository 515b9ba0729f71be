#!/usr/bin/env bash
# sahi: the export of a COCO file to YOLO's labels writes a category's id as its
# class, and the list of names beside them counts from 0. With ids from 1, as
# COCO's own files have them, every class has the next one's name, without an error.
#
# Versions:  sahi 0.12.8, Python 3.11
# Guess:     ids become places in the list of names, or sahi says that they do not
#            fit: its own data.yml says that there are two classes.
# Behaviour: the label of 'cat', id 1 of 1 and 2, is 1, which is 'dog' in data.yml;
#            that of 'dog' is 2, a class that data.yml does not have. With ids from 0
#            all is right.
# Seen:      ids from 1: {'cat': 'dog', 'dog': 'none of the names'};
#            ids from 0: {'cat': 'cat', 'dog': 'dog'} (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sahi==0.12.8
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
from pathlib import Path

import yaml
from PIL import Image
from sahi.utils.coco import Coco

names = ['cat', 'dog']
Path('images').mkdir()
for name in names:
    Image.new('RGB', (64, 64)).save(f'images/{name}.jpg')


def exported(first: int) -> dict[str, str]:
    """The name that a reader of the labels sees, by the true one, with ids that begin with this one."""
    content = dict(
        categories=[dict(id=first + place, name=name) for place, name in enumerate(names)],
        images=[dict(id=place + 1, file_name=f'{name}.jpg', width=64, height=64) for place, name in enumerate(names)],
        annotations=[
            dict(id=place + 1, image_id=place + 1, category_id=first + place, bbox=[8, 8, 32, 32], area=1024, iscrowd=0)
            for place in range(2)
        ],
    )
    Coco.from_coco_dict_or_path(content, image_dir='images').export_as_yolo(f'yolo{first}')
    listed = yaml.safe_load(Path(f'yolo{first}/data.yml').read_text())
    assert listed['nc'] == 2 and listed['names'] == names, listed
    classes = {name: int(Path(f'yolo{first}/train/{name}.txt').read_text().split()[0]) for name in names}
    return {name: dict(enumerate(listed['names'])).get(place, 'none of the names') for name, place in classes.items()}


seen = {first: exported(first) for first in (1, 0)}
for first, found in seen.items():
    print(f'ids from {first}:', found)
assert seen[1] == dict(cat='dog', dog='none of the names'), 'the behaviour has changed'
assert seen[0] == dict(cat='cat', dog='dog'), 'the behaviour has changed'
PYTHON
