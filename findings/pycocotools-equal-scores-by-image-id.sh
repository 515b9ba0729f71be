#!/usr/bin/env bash
# pycocotools, faster-coco-eval: AP of boxes with equal scores depends on how the images are numbered.
#
# Versions:  pycocotools 2.0.11, faster-coco-eval 1.8.0, scikit-learn 1.8.0, numpy 2.3.5
# Guess:     boxes without a confidence, such as pseudo labels, get one score
#            for all, and AP is then a function of how many are right. It is
#            so in scikit-learn, where equal scores count together.
# Behaviour: equal scores are taken one after the other in the order of the
#            images' ids. The same boxes give AP 1/2 where the right ones are
#            in the images with low ids, and half of that where they are last.
# Seen:      four images with one box each; of four predictions two are right
#            pycocotools, right ones first: AP 0.505
#            pycocotools, right ones last: AP 0.252
#            faster_coco_eval, right ones first: AP 0.505
#            faster_coco_eval, right ones last: AP 0.252
#            scikit-learn, right ones first: AP 0.500
#            scikit-learn, right ones last: AP 0.500 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycocotools==2.0.11 faster-coco-eval==1.8.0 scikit-learn==1.8.0 numpy==2.3.5
cat > "$folder/see.py" <<'PYTHON'
import contextlib
import io

import faster_coco_eval
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import average_precision_score

RIGHT, WRONG = [0, 0, 50, 50], [60, 60, 5, 5]
orders = {'right ones first': [True, True, False, False], 'right ones last': [False, False, True, True]}
packages = {
    'pycocotools': (COCO, COCOeval),
    'faster_coco_eval': (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
}
for name, (coco, evaluation) in packages.items():
    for order, right in orders.items():
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco()
            truth.dataset = dict(
                info={},
                images=[dict(id=image, width=70, height=70) for image in range(1, 5)],
                categories=[dict(id=1, name='a')],
                annotations=[
                    dict(id=image, image_id=image, category_id=1, bbox=RIGHT, area=2500, iscrowd=0)
                    for image in range(1, 5)
                ],
            )
            truth.createIndex()
            found = [
                dict(image_id=image, category_id=1, bbox=RIGHT if is_right else WRONG, score=1.0)
                for image, is_right in enumerate(right, 1)
            ]
            done = evaluation(truth, truth.loadRes(found), 'bbox')
            done.evaluate()
            done.accumulate()
            done.summarize()
        print(f'{name}, {order}: AP {done.stats[0]:.3f}')
for order, right in orders.items():
    print(f'scikit-learn, {order}: AP {average_precision_score(right, [1.0] * 4):.3f}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
pycocotools, right ones first: AP 0.505
pycocotools, right ones last: AP 0.252
faster_coco_eval, right ones first: AP 0.505
faster_coco_eval, right ones last: AP 0.252
scikit-learn, right ones first: AP 0.500
scikit-learn, right ones last: AP 0.500
SEEN
