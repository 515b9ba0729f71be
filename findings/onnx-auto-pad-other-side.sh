#!/usr/bin/env bash
# OpenCV and MNN: where auto_pad adds one row and one column, they add them on the side
# that they always use, not on the one that the ONNX file names.
#
# Versions:  opencv-python 5.0.0.93, MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0,
#            numpy 2.4.6, Python 3.11
# Guess:     SAME_UPPER, TensorFlow's padding, and SAME_LOWER are two of four names that
#            ONNX has; a runtime computes both or refuses one.
# Behaviour: a 3x3 convolution of stride 2 on an even side, the first layer of
#            EfficientNets and MobileNets that came from TensorFlow: OpenCV computes
#            SAME_LOWER for SAME_UPPER, so the whole map is one pixel off. MNN computes
#            SAME_UPPER for SAME_LOWER, and so do both for pooling.
# Seen:      asked -> computed. Conv: OpenCV UPPER -> LOWER, LOWER -> LOWER; MNN
#            UPPER -> UPPER, LOWER -> UPPER. AveragePool: both UPPER -> UPPER,
#            LOWER -> UPPER (2026-11-30)
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

random = np.random.default_rng(0)
kernel = numpy_helper.from_array(random.normal(size=(2, 2, 3, 3)).astype(np.float32), 'kernel')
SIDES = ('UPPER', 'LOWER')


def make(operator: str, side: str, size: int) -> None:
    """Write a file of one operator, with constant shapes."""
    inputs, constants = (['x', 'kernel'], [kernel]) if operator == 'Conv' else (['x'], [])
    extent = 3 if operator == 'Conv' else 2
    options = dict(kernel_shape=[extent, extent], strides=[2, 2], auto_pad=f'SAME_{side}')
    half = (size + 1) // 2
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ['y'], **options)],
        operator,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 2, size, size])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 2, half, half])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8), 'model.onnx')


def with_onnxruntime(values: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession('model.onnx').run(None, {'x': values})[0]


def with_opencv(values: np.ndarray) -> np.ndarray:
    net = cv2.dnn.readNetFromONNX('model.onnx')
    net.setInput(values, 'x')
    return net.forward('y')


def with_mnn(values: np.ndarray) -> np.ndarray:
    words = ['--modelFile', 'model.onnx', '--MNNModel', 'model.mnn', '--bizCode', 'x']
    mnnconvert(['mnnconvert', '-f', 'ONNX', *words])
    net = MNN.nn.load_module_from_file('model.mnn', ['x'], ['y'])
    images = MNN.expr.placeholder(list(values.shape), MNN.expr.NCHW, MNN.expr.float)
    images.write(values)
    return np.array(MNN.expr.convert(net.forward([images])[0], MNN.expr.NCHW).read())


seen = {}
for operator, size in (('Conv', 8), ('AveragePool', 7)):
    values = random.normal(size=(1, 2, size, size)).astype(np.float32)
    expected = {}
    for side in SIDES:
        make(operator, side, size)
        expected[side] = with_onnxruntime(values)
    assert np.abs(expected['UPPER'] - expected['LOWER']).max() > 0.1
    for name, run in (('OpenCV', with_opencv), ('MNN', with_mnn)):
        computed = []
        for side in SIDES:
            make(operator, side, size)
            found = run(values)
            computed += [other for other in SIDES if np.abs(found - expected[other]).max() < 1e-3] or ['neither']
        seen[operator, name] = computed
        print(f'{operator}, {name}: UPPER -> {computed[0]}, LOWER -> {computed[1]}', file=sys.stderr)
assert seen.pop(('Conv', 'OpenCV')) == ['LOWER', 'LOWER'], 'the behaviour has changed'
assert all(computed == ['UPPER', 'UPPER'] for computed in seen.values()), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore compare.py > log
