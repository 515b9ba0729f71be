#!/usr/bin/env bash
# OpenCV: Resize of an ONNX file with scales computes with another scale than the file's,
# wherever the size is rounded down.
#
# Versions:  opencv-python 5.0.0.93, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6,
#            Python 3.11
# Guess:     the scale in the file is the distance between pixels, as in PyTorch's
#            interpolate(scale_factor=...) and in ONNX's definition of Resize.
# Behaviour: 7 pixels times 1.5 are 10. OpenCV gets the size right, then divides 10 by 7
#            and samples with 1.43, as PyTorch would with recompute_scale_factor=True,
#            so pixels drift by up to half of one towards the end. It does so in
#            every mode, without a warning. Where size times scale is
#            a whole number nothing changes.
# Seen:      0 1 2 3 4 5 6 at scale 1.5
#            onnxruntime, onnx.reference: 0.00 0.50 1.17 1.83 2.50 3.17 3.83 4.50 5.17 5.83
#            OpenCV: 0.00 0.55 1.25 1.95 2.65 3.35 4.05 4.75 5.45 6.00 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > see.py <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save
from onnx.reference import ReferenceEvaluator

row = np.arange(7, dtype=np.float32)
SCALE = 1.5
# Where each of the ten pixels lies in the row, and between which two it is mixed.
places = np.clip((np.arange(10) + 0.5) / SCALE - 0.5, 0, 6)
expected = np.interp(places, np.arange(7), row)
other = np.interp(np.clip((np.arange(10) + 0.5) / (10 / 7) - 0.5, 0, 6), np.arange(7), row)

image = np.tile(row, (7, 1))[None, None]
options = dict(coordinate_transformation_mode='half_pixel')
graph = helper.make_graph(
    [helper.make_node('Resize', ['x', '', 'scales'], ['y'], mode='linear', **options)],
    'resize',
    [helper.make_tensor_value_info('x', TensorProto.FLOAT, image.shape)],
    [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1, 10, 10])],
    [numpy_helper.from_array(np.array([1, 1, SCALE, SCALE], np.float32), 'scales')],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
save(model, 'model.onnx')
net = cv2.dnn.readNetFromONNX('model.onnx')
net.setInput(image, 'x')
for name, found, row_of_it in (
    ('onnxruntime', onnxruntime.InferenceSession('model.onnx').run(None, {'x': image})[0], expected),
    ('onnx.reference', ReferenceEvaluator(model).run(None, {'x': image})[0], expected),
    ('OpenCV', net.forward('y'), other),
):
    assert found.shape == (1, 1, 10, 10)
    print(f'{name}:', *(f'{value:.2f}' for value in found[0, 0, 0]))
    assert np.allclose(found[0, 0], row_of_it, atol=1e-4), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore see.py
