#!/usr/bin/env bash
# MNN: a cubic Resize of ONNX is right inside and wrong at all four borders, by as much
# as the values themselves. Vision transformers resize their position embeddings so.
#
# Versions:  MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     an operator that converts without a warning computes what ONNX says it
#            does, or at least what it does for mode "linear".
# Behaviour: 6x6 normal numbers, doubled with coordinate_transformation_mode
#            "half_pixel" and coefficient -0.75: rows and columns whose kernel reaches
#            over the border differ by up to 1.9, all others not at all. "linear" agrees.
# Seen:      largest difference, cubic: borders 1.9, inside 0.0; linear: 1.2e-07
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > compare.py <<'PYTHON'
import sys

import MNN
import numpy as np
import onnxruntime
from _tools import mnnconvert
from onnx import TensorProto, helper, numpy_helper, save

values = np.random.default_rng(0).normal(size=(1, 1, 6, 6)).astype(np.float32)
differences = {}
for mode in ('cubic', 'linear'):
    options = dict(mode=mode, coordinate_transformation_mode='half_pixel', cubic_coeff_a=-0.75)
    graph = helper.make_graph(
        [helper.make_node('Resize', ['x', '', 'scales'], ['y'], **options)],
        mode,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 1, 6, 6])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1, 12, 12])],
        [numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), 'scales')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    save(model, f'{mode}.onnx')
    expected = onnxruntime.InferenceSession(f'{mode}.onnx').run(None, {'x': values})[0]
    mnnconvert(
        ['mnnconvert', '-f', 'ONNX', '--modelFile', f'{mode}.onnx', '--MNNModel', f'{mode}.mnn', '--bizCode', 'x']
    )
    net = MNN.nn.load_module_from_file(f'{mode}.mnn', ['x'], ['y'])
    images = MNN.expr.placeholder([1, 1, 6, 6], MNN.expr.NCHW, MNN.expr.float)
    images.write(values)
    found = np.array(MNN.expr.convert(net.forward([images])[0], MNN.expr.NCHW).read())
    differences[mode] = np.abs(found - expected)[0, 0]
cubic, linear = differences['cubic'], differences['linear']
inside = cubic[3:-3, 3:-3].max()  # the kernel reaches two pixels, which are four of the result less a half
print(
    f'largest difference, cubic: borders {cubic.max():.1f}, inside {inside:.1f}; linear: {linear.max():.1e}',
    file=sys.stderr,
)
rows = [cubic[0], cubic[-1], cubic[:, 0], cubic[:, -1]]
assert min(row.max() for row in rows) > 0.1 and inside < 1e-5 > linear.max(), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore compare.py > log
