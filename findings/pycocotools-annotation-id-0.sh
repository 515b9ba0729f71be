#!/usr/bin/env bash
# pycocotools, faster-coco-eval: a true box whose annotation has the id 0 is never found.
#
# Versions:  pycocotools 2.0.11, faster-coco-eval 1.8.0, numpy 2.3.5
# Guess:     ids of annotations only tell them apart. Many tools count from 0,
#            and readers take such files without a word.
# Behaviour: the evaluation keeps the id of the true box that a prediction has
#            found, and takes 0 for none. That prediction counts as wrong and
#            the box as missed, in all figures. Both packages do so.
# Seen:      four images with one box each, and predictions that are right
#            pycocotools, ids from 1: AP 1.000, AR 1.000
#            pycocotools, ids from 0: AP 0.564, AR 0.750
#            faster_coco_eval, ids from 1: AP 1.000, AR 1.000
#            faster_coco_eval, ids from 0: AP 0.564, AR 0.750 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycocotools==2.0.11 faster-coco-eval==1.8.0 numpy==2.3.5
cat > "$folder/see.py" <<'PYTHON'
import contextlib
import io

import faster_coco_eval
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BOX = [0, 0, 50, 50]
packages = {
    'pycocotools': (COCO, COCOeval),
    'faster_coco_eval': (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
}
for name, (coco, evaluation) in packages.items():
    for first in (1, 0):
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco()
            truth.dataset = dict(
                info={},
                images=[dict(id=image, width=60, height=60) for image in range(4)],
                categories=[dict(id=1, name='a')],
                annotations=[
                    dict(id=first + image, image_id=image, category_id=1, bbox=BOX, area=2500, iscrowd=0)
                    for image in range(4)
                ],
            )
            truth.createIndex()
            found = [dict(image_id=image, category_id=1, bbox=BOX, score=0.9 - 0.1 * image) for image in range(4)]
            done = evaluation(truth, truth.loadRes(found), 'bbox')
            done.evaluate()
            done.accumulate()
            done.summarize()
        print(f'{name}, ids from {first}: AP {done.stats[0]:.3f}, AR {done.stats[8]:.3f}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
pycocotools, ids from 1: AP 1.000, AR 1.000
pycocotools, ids from 0: AP 0.564, AR 0.750
faster_coco_eval, ids from 1: AP 1.000, AR 1.000
faster_coco_eval, ids from 0: AP 0.564, AR 0.750
SEEN
