#!/usr/bin/env bash
# albumentations: whole numbers in label_fields pass through float32, so the id of an
# annotation above 2^24 comes back as another one, without an error.
#
# Versions:  albumentations 2.0.8, opencv-python-headless 5.0.0.93, numpy 2.4.6,
#            Python 3.11
# Guess:     a label field is handed on beside its box and comes back as it went in.
# Behaviour: numbers become float32 and back: 16777217 comes back as 16777216, which is
#            another annotation, and ids of 12 digits, as COCO's crowd boxes have them,
#            are off by thousands. A list comes back as floats, an array of int64 as int64
#            with the wrong numbers. Text is kept as it is.
# Seen:      [16777217, 900100581929] as a list -> [16777216.0, 900100587520.0], as an
#            array [16777216, 900100587520], as text unchanged (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet albumentations==2.0.8 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import albumentations
import numpy as np

IDS = [16777217, 900100581929]


def handed_on(ids: list | np.ndarray) -> list:
    params = albumentations.BboxParams('coco', label_fields=['ids'])
    change = albumentations.Compose([albumentations.NoOp()], bbox_params=params)
    boxes = np.array([[10, 10, 30, 20], [50, 40, 20, 20]], dtype=np.float32)
    found = change(image=np.zeros((80, 100, 3), np.uint8), bboxes=boxes, ids=ids)['ids']
    print(f'{type(ids).__name__} of {type(ids[0]).__name__}: {found}')
    return list(found)


as_float = [int(np.float32(number)) for number in IDS]
assert as_float == [16777216, 900100587520]
assert handed_on(IDS) == as_float, 'the behaviour has changed'
assert handed_on(np.array(IDS)) == as_float, 'the behaviour has changed'
assert handed_on([str(number) for number in IDS]) == [str(number) for number in IDS], 'the behaviour has changed'
PYTHON
