#!/usr/bin/env bash
# datumaro: a COCO file that is read and written again has other crowd regions: iscrowd is
# 1 where a mask is written, and 0 elsewhere.
#
# Versions:  datumaro 1.13.12, pycocotools 2.0.11, numpy 2.4.6, Python 3.11
# Guess:     is_crowd is kept, as datumaro's page on COCO lists it for boxes, polygons
#            and masks, and its writers for YOLO and VOC warn of a crowd region.
# Behaviour: a crowd region that has a box only, as in data without masks, comes out as an
#            object, and nothing is said; COCO's evaluation then counts it as one
#            that was not found, and what lies in it as false. With
#            segmentation_mode='mask' every object with a polygon comes out as a crowd
#            region, so that it is no object of the evaluation any more.
# Seen:      iscrowd of a crowd box and of an object with a polygon
#            read: 1 0
#            written, segmentation_mode guess: 0 0
#            written, segmentation_mode mask: 0 1
#            AP of right boxes: 1.00 as read, 0.17 as written, guess (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datumaro==1.13.12 pycocotools==2.0.11 numpy==2.4.6
cd "$folder"
cat > see.py <<'PYTHON'
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from datumaro import Dataset
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

for part in ('annotations', 'images/val'):
    Path('data', part).mkdir(parents=True)
Image.new('RGB', (100, 100)).save('data/images/val/a.png')
image = dict(id=1, file_name='a.png', width=100, height=100)
crowd = dict(id=1, image_id=1, category_id=1, bbox=[50, 50, 50, 50], area=2500, iscrowd=1, segmentation=[])
corners = [10, 10, 30, 10, 30, 30, 10, 30]
single = dict(id=2, image_id=1, category_id=1, bbox=[10, 10, 20, 20], area=400, iscrowd=0, segmentation=[corners])
whole = dict(images=[image], categories=[dict(id=1, name='cat')], annotations=[crowd, single])
Path('data/annotations/instances_val.json').write_text(json.dumps(whole))
# Two boxes within the crowd region, and the box of the object.
found = [([55, 55, 10, 10], 0.9), ([70, 70, 10, 10], 0.8), ([10, 10, 20, 20], 0.7)]
found = [dict(image_id=1, category_id=1, bbox=box, score=score) for box, score in found]


def see(folder: str) -> tuple[str, float]:
    """What iscrowd is in a file, and the average precision of the boxes."""
    path = Path(folder, 'annotations', 'instances_val.json')
    kinds = {one['id']: one['iscrowd'] for one in json.loads(path.read_text())['annotations']}
    with redirect_stdout(sys.stderr):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes(found), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return f'{kinds[1]} {kinds[2]}', evaluation.stats[0]


dataset = Dataset.import_from('data', 'coco_instances')
kinds, precision = see('data')
print(f'read: {kinds}')
for mode in ('guess', 'mask'):
    dataset.export(mode, 'coco_instances', segmentation_mode=mode, reindex=False)
    kinds, other = see(mode)
    print(f'written, segmentation_mode {mode}: {kinds}')
    if mode == 'guess':
        written = other
print(f'AP of right boxes: {precision:.2f} as read, {written:.2f} as written, guess')
PYTHON
"$folder/venv/bin/python" -W ignore see.py | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
read: 1 0
written, segmentation_mode guess: 0 0
written, segmentation_mode mask: 0 1
AP of right boxes: 1.00 as read, 0.17 as written, guess
SEEN
