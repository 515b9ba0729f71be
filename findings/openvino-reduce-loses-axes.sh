#!/usr/bin/env bash
# OpenVINO and MNN: some reductions of ONNX files lose their axes and reduce everything to
# one number: ReduceLogSumExp, ReduceLogSum and ReduceL1 of opset 13 to 17 in OpenVINO;
# these, ReduceL2 and ReduceSumSquare of opset 18 and later in MNN.
#
# Versions:  openvino 2026.4.1, MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6,
#            Python 3.11
# Guess:     all reductions of one opset are read in the same way, and ReduceMean,
#            ReduceMax and ReduceSum are right in both.
# Behaviour: up to opset 17 these reductions have their axes as an attribute, from 18 on
#            as an input. OpenVINO reads the input too early, MNN still reads the
#            attribute; both take what is missing for "all axes", and say nothing.
#            With keepdims the output spreads over whatever follows. The log-sum-exp
#            pooling of score maps is such a reduction.
# Seen:      axes lost
#            opset 11: OpenVINO none; MNN none
#            opset 13 and 17: OpenVINO ReduceLogSumExp, ReduceLogSum, ReduceL1; MNN none
#            opset 18: OpenVINO none; MNN these three, ReduceL2 and ReduceSumSquare
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > compare.py <<'PYTHON'
import sys

import MNN
import numpy as np
import onnxruntime
import openvino
from _tools import mnnconvert
from onnx import TensorProto, helper, numpy_helper, save

maps = np.random.default_rng(0).uniform(1, 2, size=(1, 5, 6, 7)).astype(np.float32)
AXES = (2, 3)
REDUCTIONS = {
    'ReduceLogSumExp': lambda x, axes: np.log(np.exp(x).sum(axes)),
    'ReduceLogSum': lambda x, axes: np.log(x.sum(axes)),
    'ReduceL1': lambda x, axes: np.abs(x).sum(axes),
    'ReduceL2': lambda x, axes: np.sqrt((x * x).sum(axes)),
    'ReduceSumSquare': lambda x, axes: (x * x).sum(axes),
    'ReduceMean': lambda x, axes: x.mean(axes),
}


def write(operator: str, opset: int) -> None:
    if opset < 18:
        node, constants = helper.make_node(operator, ['x'], ['y'], axes=AXES, keepdims=0), []
    else:
        node = helper.make_node(operator, ['x', 'axes'], ['y'], keepdims=0)
        constants = [numpy_helper.from_array(np.array(AXES, np.int64), 'axes')]
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, maps.shape)],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 5])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8), 'model.onnx')


def with_openvino() -> np.ndarray:
    compiled = openvino.Core().compile_model('model.onnx', 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return np.array(compiled([maps])[0])


def with_mnn() -> np.ndarray:
    words = ['--modelFile', 'model.onnx', '--MNNModel', 'model.mnn', '--bizCode', 'x']
    mnnconvert(['mnnconvert', '-f', 'ONNX', *words])
    net = MNN.nn.load_module_from_file('model.mnn', ['x'], ['y'])
    images = MNN.expr.placeholder(list(maps.shape), MNN.expr.NCHW, MNN.expr.float)
    images.write(maps)
    found = MNN.expr.convert(net.forward([images])[0], MNN.expr.NCHW)
    return np.array(found.read()).reshape(found.shape)


for opset in (11, 13, 17, 18):
    lost = {'OpenVINO': [], 'MNN': []}
    for operator, compute in REDUCTIONS.items():
        write(operator, opset)
        expected, whole = compute(maps, AXES), compute(maps, None)
        assert np.allclose(onnxruntime.InferenceSession('model.onnx').run(None, {'x': maps})[0], expected, rtol=1e-4)
        for name, run in (('OpenVINO', with_openvino), ('MNN', with_mnn)):
            found = run()
            if found.size == 1 and np.allclose(found, whole, rtol=1e-3):
                lost[name].append(operator)
            else:
                assert found.size == 5, 'the behaviour has changed'
                assert np.allclose(found.ravel(), expected[0], rtol=1e-3), 'the behaviour has changed'
    for name, operators in lost.items():
        print(f'opset {opset}, {name}: axes lost by {", ".join(operators) or "none"}', file=sys.stderr)
    first = ['ReduceLogSumExp', 'ReduceLogSum', 'ReduceL1']
    assert lost['OpenVINO'] == (first if 13 <= opset < 18 else []), 'the behaviour has changed'
    assert lost['MNN'] == (first + ['ReduceL2', 'ReduceSumSquare'] if opset >= 18 else []), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore compare.py > log
