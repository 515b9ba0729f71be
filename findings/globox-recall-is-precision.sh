#!/usr/bin/env bash
# globox: in the table of COCO results, on the screen and as CSV, the columns AR 1, AR 10
# and AR 100 of each class hold average precision, not average recall.
#
# Versions:  globox 2.9.0, Python 3.11
# Guess:     a column called AR 100 holds the average recall with 100 boxes an image, as
#            the method ar_100() gives it.
# Behaviour: the three columns repeat average precision of the class. The line "Total" of
#            the same table and the columns AR S, AR M and AR L are recall, so the total
#            does not go with the classes; with one class it should be that class's.
# Seen:      one class, both true boxes found behind a false one: ar_100() 1.0, column
#            AR 100 of the class 0.667, which is its AP; AR M of the class 1.0
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet globox==2.9.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import csv

from globox import Annotation, AnnotationSet, BoundingBox, COCOEvaluator


def box(left: int, score: float | None = None) -> BoundingBox:
    return BoundingBox(label='cat', xmin=left, ymin=0, xmax=left + 50, ymax=50, confidence=score)


truth = AnnotationSet([Annotation('a.jpg', boxes=[box(0), box(60)])])
found = AnnotationSet([Annotation('a.jpg', boxes=[box(200, 0.9), box(0, 0.8), box(60, 0.7)])])
evaluator = COCOEvaluator(ground_truths=truth, predictions=found)
evaluator.save_csv('results.csv')
with open('results.csv', newline='') as file:
    row = next(csv.DictReader(file))
seen = {name: round(float(row[name]), 3) for name in ('AP 50:95', 'AR 10', 'AR 100', 'AR M')}
print('of the class:', seen)
print(f'ar_100(): {evaluator.ar_100():.3f}, ap(): {evaluator.ap():.3f}')
# Both true boxes are found with three boxes an image, whatever the threshold: recall 1.
# Precision is 1/2 at the first of them and 2/3 at the second, which lifts all to 2/3.
assert (evaluator.ar_10(), evaluator.ar_100()) == (1, 1)
assert round(evaluator.ap(), 3) == seen['AP 50:95'] == 0.667
assert seen['AR M'] == 1
assert seen['AR 10'] == seen['AR 100'] == 0.667, 'the behaviour has changed'
PYTHON
