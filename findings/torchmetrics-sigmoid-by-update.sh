#!/usr/bin/env bash
# torchmetrics: average precision of raw scores depends on how they are split into updates.
#
# Versions:  torchmetrics 1.9.0, torch 2.11.0, numpy 2.3.5
# Guess:     AP looks at the order of scores alone, so scores of any range may
#            be added image after image, as score maps of a test are.
# Behaviour: scores outside [0, 1] are taken for logits and go through a
#            sigmoid. Each update decides for itself: an image whose scores
#            happen to lie in [0, 1] stays as it is, and both kinds are ranked
#            against each other. AUROC and the curves do the same.
# Seen:      five scores of two images; the two objects have the highest ones
#            AP, one update: 1.000
#            AP, an update an image: 0.583
#            AUROC, one update: 1.000
#            AUROC, an update an image: 0.667 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchmetrics==1.9.0 torch==2.11.0 numpy==2.3.5
cat > "$folder/see.py" <<'PYTHON'
import torch
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

scores = [torch.tensor([0.9, 0.2]), torch.tensor([2.0, 1.5, 0.1])]
objects = [torch.tensor([0, 0]), torch.tensor([1, 1, 0])]
for name, metric in (('AP', BinaryAveragePrecision()), ('AUROC', BinaryAUROC())):
    print(f'{name}, one update: {metric(torch.cat(scores), torch.cat(objects)):.3f}')
    metric.reset()
    for some, truth in zip(scores, objects):
        metric.update(some, truth)
    print(f'{name}, an update an image: {metric.compute():.3f}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
AP, one update: 1.000
AP, an update an image: 0.583
AUROC, one update: 1.000
AUROC, an update an image: 0.667
SEEN
