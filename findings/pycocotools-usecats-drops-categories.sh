#!/usr/bin/env bash
# pycocotools, faster-coco-eval: useCats=0 leaves out what is predicted under a category that the truth does not list.
#
# Versions:  pycocotools 2.0.11, faster-coco-eval 1.8.0, numpy 2.3.5
# Guess:     with params.useCats = 0 categories play no part, so boxes of a
#            class-agnostic model ("object", category 0) can be scored against
#            a truth with categories 1 and 2.
# Behaviour: only predictions whose category_id is among the categories of
#            the true file are read at all. Of the others none counts, neither
#            as right nor as wrong, and nothing is said.
# Seen:      four images with one box each, and predictions that are right
#            pycocotools, category 1: AP 1.000
#            pycocotools, category 0: AP 0.000
#            faster_coco_eval, category 1: AP 1.000
#            faster_coco_eval, category 0: AP 0.000 (2026-11-30)
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
    for category in (1, 0):
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco()
            truth.dataset = dict(
                info={},
                images=[dict(id=image, width=60, height=60) for image in range(1, 5)],
                categories=[dict(id=1, name='a'), dict(id=2, name='b')],
                annotations=[
                    dict(id=image, image_id=image, category_id=1 + image % 2, bbox=BOX, area=2500, iscrowd=0)
                    for image in range(1, 5)
                ],
            )
            truth.createIndex()
            found = [dict(image_id=image, category_id=category, bbox=BOX, score=0.5) for image in range(1, 5)]
            done = evaluation(truth, truth.loadRes(found), 'bbox')
            done.params.useCats = 0
            done.evaluate()
            done.accumulate()
            done.summarize()
        print(f'{name}, category {category}: AP {done.stats[0]:.3f}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
pycocotools, category 1: AP 1.000
pycocotools, category 0: AP 0.000
faster_coco_eval, category 1: AP 1.000
faster_coco_eval, category 0: AP 0.000
SEEN
