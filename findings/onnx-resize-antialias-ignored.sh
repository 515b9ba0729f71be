#!/usr/bin/env bash
# OpenVINO, OpenCV and MNN: Resize of ONNX with antialias=1 (since opset 18) is computed
# without antialiasing, without an error or a warning.
#
# Versions:  openvino 2026.4.1, opencv-python 5.0.0.93, MNN 3.6.1, onnx 1.23.2,
#            onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     an attribute that a runtime does not know makes loading fail. Pillow and
#            torchvision shrink images with antialiasing, so whoever puts that step
#            into the graph has the pixels of training.
# Behaviour: the output is the one of antialias=0, exactly. On images shrunk to a quarter
#            it is far from onnxruntime's, which agrees with ONNX's reference.
# Seen:      largest difference of noise in [0, 1], 64x64 to 16x16, from onnxruntime with
#            antialias 1 and 0: OpenVINO 0.30 0.00, OpenCV 0.30 0.00, MNN 0.30 0.00
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 opencv-python==5.0.0.93 MNN==3.6.1 onnx==1.23.2 \
    onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > compare.py <<'PYTHON'
import sys

import cv2
import MNN
import numpy as np
import onnxruntime
import openvino
from _tools import mnnconvert
from onnx import TensorProto, helper, numpy_helper, save
from onnx.reference import ReferenceEvaluator

pixels = np.random.default_rng(0).uniform(size=(1, 1, 64, 64)).astype(np.float32)
expected = []
for antialias in (0, 1):
    graph = helper.make_graph(
        [helper.make_node('Resize', ['x', '', '', 'size'], ['y'], mode='linear', antialias=antialias)],
        'resize',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 1, 64, 64])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1, 16, 16])],
        [numpy_helper.from_array(np.array([1, 1, 16, 16], np.int64), 'size')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    save(model, 'resize.onnx')  # the last one, with antialiasing, stays
    expected.append(onnxruntime.InferenceSession('resize.onnx').run(None, {'x': pixels})[0])
    assert np.abs(expected[-1] - ReferenceEvaluator(model).run(None, {'x': pixels})[0]).max() < 1e-5
plain, smooth = expected


def with_openvino() -> np.ndarray:
    compiled = openvino.Core().compile_model('resize.onnx', 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return np.array(compiled([pixels])[0])


def with_opencv() -> np.ndarray:
    net = cv2.dnn.readNetFromONNX('resize.onnx')
    net.setInput(pixels, 'x')
    return net.forward('y')


def with_mnn() -> np.ndarray:
    words = ['--modelFile', 'resize.onnx', '--MNNModel', 'resize.mnn', '--bizCode', 'x']
    mnnconvert(['mnnconvert', '-f', 'ONNX', *words])
    net = MNN.nn.load_module_from_file('resize.mnn', ['x'], ['y'])
    images = MNN.expr.placeholder(list(pixels.shape), MNN.expr.NCHW, MNN.expr.float)
    images.write(pixels)
    return np.array(MNN.expr.convert(net.forward([images])[0], MNN.expr.NCHW).read())


for name, run in (('OpenVINO', with_openvino), ('OpenCV', with_opencv), ('MNN', with_mnn)):
    found = run()
    from_smooth, from_plain = np.abs(found - smooth).max(), np.abs(found - plain).max()
    print(f'{name}: from antialias=1 {from_smooth:.2f}, from antialias=0 {from_plain:.2f}', file=sys.stderr)
    assert from_smooth > 0.2 and from_plain < 1e-3, 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore compare.py > log
