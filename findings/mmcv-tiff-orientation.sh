#!/usr/bin/env bash
# mmcv: color_ignore_orientation does not ignore the orientation of TIFF images.
#
# Versions:  mmcv-lite 2.1.0, mmengine 0.10.7, pillow 12.0.0, opencv-python-headless 4.12.0.88, torch 2.11.0
# Guess:     with color_type='color_ignore_orientation' every image stays as
#            it lies in its file, as boxes do that were annotated so.
# Behaviour: Pillow and OpenCV turn TIFF images while they decode them, and
#            neither can be told not to. The flag works for JPEG and PNG.
# Seen:      a stored image of 20 rows and 30 columns with orientation 6
#            png pillow: (20, 30)
#            png cv2: (20, 30)
#            tif pillow: (30, 20)
#            tif cv2: (30, 20) (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmcv-lite==2.1.0 mmengine==0.10.7 pillow==12.0.0 torch==2.11.0 \
    opencv-python-headless==4.12.0.88 'numpy<2.3' 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
import sys

from mmcv.transforms import LoadImageFromFile
from PIL import Image

exif = Image.Exif()
exif[0x0112] = 6
for ending in ('png', 'tif'):
    path = f'{sys.argv[1]}/a.{ending}'
    Image.new('RGB', (30, 20)).save(path, exif=exif)
    for backend in ('pillow', 'cv2'):
        load = LoadImageFromFile(color_type='color_ignore_orientation', imdecode_backend=backend)
        print(f'{ending} {backend}: {load(dict(img_path=path))["img"].shape[:2]}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
png pillow: (20, 30)
png cv2: (20, 30)
tif pillow: (30, 20)
tif cv2: (30, 20)
SEEN
