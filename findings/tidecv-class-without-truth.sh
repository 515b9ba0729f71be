#!/usr/bin/env bash
# tidecv: a class that is predicted once and has no true box counts as AP 0 in the mean,
# so one stray box of the lowest score halves the result of a perfect detector.
#
# Versions:  tidecv 1.0.1, pycocotools 2.0.11, numpy 2.4.6, Python 3.11
# Guess:     TIDE calls itself a drop-in replacement of COCO's evaluation, which leaves
#            classes without a true box out of the mean; so does "bbox AP @ 50".
# Behaviour: the mean is over every class that has a true box or a prediction. On a part
#            of a data set, where some classes have no object, AP falls with every such
#            class that is predicted anywhere, however low the score.
# Seen:      two images, each with its one cat found. pycocotools: AP 100, and 100 with a
#            stray dog of score 0.01. tidecv: 100, and 50 with it (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tidecv==1.0.1 pycocotools==2.0.11 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tidecv import TIDE, datasets

CAT, DOG = 1, 2
truth = dict(
    images=[dict(id=number, file_name=f'{number}.jpg', width=100, height=100) for number in (1, 2)],
    categories=[dict(id=CAT, name='cat'), dict(id=DOG, name='dog')],
    annotations=[
        dict(id=number, image_id=number, category_id=CAT, bbox=[10, 10, 50, 50], area=2500, iscrowd=0,
             segmentation=[[10, 10, 60, 10, 60, 60, 10, 60]])
        for number in (1, 2)
    ],
)
Path('truth.json').write_text(json.dumps(truth))
cats = [dict(image_id=number, category_id=CAT, bbox=[10, 10, 50, 50], score=0.9) for number in (1, 2)]
stray = dict(image_id=1, category_id=DOG, bbox=[70, 70, 20, 20], score=0.01)


def by_pycocotools() -> float:
    with redirect_stdout(StringIO()):
        target = COCO('truth.json')
        evaluation = COCOeval(target, target.loadRes('found.json'), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(100 * float(evaluation.stats[1]), 1)


def by_tidecv() -> float:
    return round(float(TIDE().evaluate(datasets.COCO('truth.json'), datasets.COCOResult('found.json'), mode=TIDE.BOX).ap), 1)


seen = {}
for name, found in (('cats alone', cats), ('with a stray dog', [*cats, stray])):
    Path('found.json').write_text(json.dumps(found))
    seen[name] = by_pycocotools(), by_tidecv()
    print(f'{name}: AP at 0.5 by pycocotools {seen[name][0]}, by tidecv {seen[name][1]}')
assert seen['cats alone'] == (100, 100), 'the behaviour has changed'
assert seen['with a stray dog'] == (100, 50), 'the behaviour has changed'
PYTHON
