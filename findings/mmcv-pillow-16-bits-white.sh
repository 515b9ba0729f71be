#!/usr/bin/env bash
# mmcv: images of 16 bits become white with the Pillow back end, without a word.
#
# Versions:  mmcv-lite 2.1.0, mmengine 0.10.7, pillow 12.0.0, torch 2.11.0
# Guess:     an image of more than 8 bits is scaled, as OpenCV does it, or
#            refused; the two back ends differ by rounding.
# Behaviour: LoadImageFromFile(imdecode_backend='pillow') lets Pillow clip
#            grey values at 255, so a photograph saved with 16 bits is white.
#            With OpenCV it is divided by 256, so one of 12 bits in a file of
#            16 is nearly black.
# Seen:      16 bits, values 0 to 65280: pillow 0 to 255, 100 % of them 255; cv2 0 to 255
#            12 bits, values 0 to 4080: pillow 0 to 255, 94 % of them 255; cv2 0 to 15 (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmcv-lite==2.1.0 mmengine==0.10.7 pillow==12.0.0 torch==2.11.0 \
    opencv-python-headless==4.12.0.88 'numpy<2.3' 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
import sys

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile

ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
for bits in (16, 12):
    values = ramp << (bits - 8)
    cv2.imwrite(f'{sys.argv[1]}/{bits}.png', values)
    seen = {}
    for backend in ('pillow', 'cv2'):
        seen[backend] = LoadImageFromFile(imdecode_backend=backend)(dict(img_path=f'{sys.argv[1]}/{bits}.png'))['img']
    white = round(100 * (seen['pillow'] == 255).mean())
    print(
        f'{bits} bits, values 0 to {values.max()}: pillow {seen["pillow"].min()} to {seen["pillow"].max()}, '
        f'{white} % of them 255; cv2 {seen["cv2"].min()} to {seen["cv2"].max()}'
    )
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
16 bits, values 0 to 65280: pillow 0 to 255, 100 % of them 255; cv2 0 to 255
12 bits, values 0 to 4080: pillow 0 to 255, 94 % of them 255; cv2 0 to 15
SEEN
