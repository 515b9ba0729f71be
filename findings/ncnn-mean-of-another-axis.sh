#!/usr/bin/env bash
# ncnn: means over an axis of an ONNX file are converted without a warning, and none is
# right: they go over another axis, or over none.
#
# Versions:  pnnx 20261020, ncnn 1.0.20261020, torch 2.11.0, onnx 1.23.2,
#            onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     pnnx takes the batch axis away, as ncnn has none, and counts the others
#            down by one; what it cannot convert it names.
# Behaviour: up to opset 17, where ReduceMean has its axes as an attribute, the number
#            stays as it is, so the mean goes over the axis after it (over none after the
#            last). From 18 on, where they are an input, they are lost: the output is the
#            input as it was.
# Seen:      input (1, 4, 5, 6), ONNX's shape and ncnn's:
#            opset 13: axis 1: (5, 6) (4, 6); axis 2: (4, 6) (4, 5); axis 3: (4, 5) (4, 5, 6)
#            opset 18: axis 1: (5, 6) (4, 5, 6); axis 2: (4, 6) (4, 5, 6); axis 3: (4, 5)
#            (4, 5, 6) (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
    pnnx==20261020 torch==2.11.0 ncnn==1.0.20261020 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import subprocess

import ncnn
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save

values = np.random.default_rng(0).normal(size=(1, 4, 5, 6)).astype(np.float32)


def outputs(opset: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The output of onnxruntime and that of ncnn, without the batch axis."""
    name = f'mean_{opset}_{axis}'
    if opset < 18:
        node, constants = helper.make_node('ReduceMean', ['x'], ['y'], axes=[axis], keepdims=0), []
    else:
        node = helper.make_node('ReduceMean', ['x', 'axes'], ['y'], keepdims=0)
        constants = [numpy_helper.from_array(np.array([axis], np.int64), 'axes')]
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 4, 5, 6])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, None)],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=9), f'{name}.onnx')
    expected = onnxruntime.InferenceSession(f'{name}.onnx').run(None, {'x': values})[0][0]
    words = ['pnnx', f'{name}.onnx', 'inputshape=[1,4,5,6]', 'fp16=0']
    subprocess.run(words, check=True, capture_output=True)
    net = ncnn.Net()
    assert net.load_param(f'{name}.ncnn.param') == 0 and net.load_model(f'{name}.ncnn.bin') == 0
    with net.create_extractor() as extractor:
        extractor.input('in0', ncnn.Mat(values[0]).clone())
        return expected, np.array(extractor.extract('out0')[1])


for opset in (13, 18):
    for axis in (1, 2, 3):
        expected, found = outputs(opset, axis)
        print(f'opset {opset}, axis {axis}: {expected.shape} {found.shape}')
        if opset == 13 and axis < 3:
            other = values[0].mean(axis=axis)  # the next axis: the batch axis is gone
        else:
            other = values[0]
        same = found.shape == other.shape and np.allclose(found, other, atol=1e-5)
        assert same and found.shape != expected.shape, 'the behaviour has changed'
PYTHON
