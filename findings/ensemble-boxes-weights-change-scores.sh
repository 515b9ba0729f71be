#!/usr/bin/env bash
# ensemble-boxes: nms and soft_nms with weights write the weighted scores into the list
# that they are given, so whatever runs after them on the same lists gets other scores.
#
# Versions:  ensemble-boxes 1.0.9, numpy 2.4.6, Python 3.11
# Guess:     the four functions of the package take the same lists, so that they can be
#            compared one after the other; none of them changes its input.
# Behaviour: nms and soft_nms put score * weight / sum of weights in place of every
#            score of the caller's list. weighted_boxes_fusion after nms therefore
#            weights twice, and a second nms gives other scores than the first.
#            non_maximum_weighted and weighted_boxes_fusion change nothing.
# Seen:      scores [0.8], [0.6], weights [2, 1]. Fusion alone 0.733; after nms 0.422.
#            nms: 0.533, and again 0.356 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ensemble-boxes==1.0.9 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
from ensemble_boxes import nms, non_maximum_weighted, soft_nms, weighted_boxes_fusion

METHODS = dict(nms=nms, soft_nms=soft_nms, non_maximum_weighted=non_maximum_weighted, weighted_boxes_fusion=weighted_boxes_fusion)


def after(*names: str) -> tuple[float, list[float]]:
    """The score that the last function gives, and the list of scores then, if these run one after the other."""
    boxes, scores, labels = [[[0.1, 0.1, 0.5, 0.5]], [[0.1, 0.1, 0.5, 0.5]]], [[0.8], [0.6]], [[0], [0]]
    for name in names:
        _, found, _ = METHODS[name](boxes, scores, labels, weights=[2, 1], iou_thr=0.5)
    return round(float(found[0]), 3), [round(float(score), 3) for model in scores for score in model]


seen = {}
for names in [(name,) for name in METHODS] + [('nms', 'weighted_boxes_fusion'), ('nms', 'nms')]:
    seen[names] = after(*names)
    print(f'{" then ".join(names)}: score {seen[names][0]}, list afterwards {seen[names][1]}')
expected = round((0.8 * 2 + 0.6 * 1) / (2 + 1), 3)
assert seen['weighted_boxes_fusion',] == (expected, [0.8, 0.6]), 'the behaviour has changed'
assert seen['non_maximum_weighted',][1] == [0.8, 0.6], 'the behaviour has changed'
assert seen['nms',][1] == seen['soft_nms',][1] == [0.533, 0.2], 'the behaviour has changed'
assert seen['nms', 'weighted_boxes_fusion'][0] == 0.422, 'the behaviour has changed'
assert seen['nms', 'nms'][0] == 0.356, 'the behaviour has changed'
PYTHON
