#!/usr/bin/env bash
# OpenCV and MNN: GridSample of ONNX with mode "cubic" is computed as "linear", without
# an error or a warning.
#
# Versions:  opencv-python 5.0.0.93, MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0,
#            numpy 2.4.6, Python 3.11
# Guess:     a mode that a runtime does not have makes loading fail, as it does with
#            names that nobody has.
# Behaviour: the output is that of mode "linear". Maps that are turned, cropped or warped
#            in the graph come out smoother than in PyTorch.
# Seen:      largest difference from onnxruntime's cubic and linear: OpenCV 0.48 0.00,
#            MNN 0.48 0.00 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python==5.0.0.93 MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > compare.py <<'PYTHON'
import sys

import cv2
import MNN
import numpy as np
import onnxruntime
from _tools import mnnconvert
from onnx import TensorProto, helper, numpy_helper, save
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(0)
values = random.normal(size=(1, 1, 12, 12)).astype(np.float32)
# All places are so far inside that no kernel reaches over the border.
places = random.uniform(-0.6, 0.6, (1, 8, 8, 2)).astype(np.float32)
expected = []
for mode in ('linear', 'cubic'):
    graph = helper.make_graph(
        [helper.make_node('GridSample', ['x', 'places'], ['y'], mode=mode)],
        mode,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 1, 12, 12])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1, 8, 8])],
        [numpy_helper.from_array(places, 'places')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)
    save(model, 'sample.onnx')  # the last one, cubic, stays
    expected.append(onnxruntime.InferenceSession('sample.onnx').run(None, {'x': values})[0])
    assert np.abs(expected[-1] - ReferenceEvaluator(model).run(None, {'x': values})[0]).max() < 1e-4
linear, cubic = expected


def with_opencv() -> np.ndarray:
    net = cv2.dnn.readNetFromONNX('sample.onnx')
    net.setInput(values, 'x')
    return net.forward('y')


def with_mnn() -> np.ndarray:
    words = ['--modelFile', 'sample.onnx', '--MNNModel', 'sample.mnn', '--bizCode', 'x']
    mnnconvert(['mnnconvert', '-f', 'ONNX', *words])
    net = MNN.nn.load_module_from_file('sample.mnn', ['x'], ['y'])
    images = MNN.expr.placeholder(list(values.shape), MNN.expr.NCHW, MNN.expr.float)
    images.write(values)
    return np.array(MNN.expr.convert(net.forward([images])[0], MNN.expr.NCHW).read())


for name, run in (('OpenCV', with_opencv), ('MNN', with_mnn)):
    found = run()
    from_cubic, from_linear = np.abs(found - cubic).max(), np.abs(found - linear).max()
    print(f'{name}: from cubic {from_cubic:.2f}, from linear {from_linear:.2f}', file=sys.stderr)
    assert from_cubic > 0.1 and from_linear < 1e-3, 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore compare.py > log
