#!/usr/bin/env bash
# ncnn: means over an axis in ONNX files of opset 18 and later vanish in the conversion,
# without an error: the output is the input of the mean as it was.
#
# Versions:  pnnx 20261020, ncnn 1.0.20261020, torch 2.11.0, onnx 1.23.2,
#            onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     pnnx converts the operator in both of its forms, or names what it cannot
#            convert.
# Behaviour: up to opset 17 ReduceMean has its axes as an attribute, and all is right.
#            From 18 on, the lowest that PyTorch's exporter writes, they are an input,
#            and the converted layer has none. In a longer graph the first sign is a
#            wrong shape, or none where sizes are spread afterwards.
# Seen:      a convolution and a mean of (1, 4, 5, 6), ONNX's shape and ncnn's:
#            opset 17: (5, 6) (5, 6); (4, 6) (4, 6); (4, 5) (4, 5)
#            opset 18: (5, 6) (4, 5, 6); (4, 6) (4, 5, 6); (4, 5) (4, 5, 6) (2026-11-30)
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
# It changes nothing, but tells pnnx which axis is the batch's.
same = numpy_helper.from_array(np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1), 'same')


def outputs(opset: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The output of onnxruntime and that of ncnn, without the batch axis."""
    name = f'mean_{opset}_{axis}'
    convolution = helper.make_node('Conv', ['x', 'same'], ['features'], kernel_shape=[1, 1])
    constants = [same]
    if opset < 18:
        mean = helper.make_node('ReduceMean', ['features'], ['y'], axes=[axis], keepdims=0)
    else:
        mean = helper.make_node('ReduceMean', ['features', 'axes'], ['y'], keepdims=0)
        constants.append(numpy_helper.from_array(np.array([axis], np.int64), 'axes'))
    graph = helper.make_graph(
        [convolution, mean],
        name,
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 4, 5, 6])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, None)],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8), f'{name}.onnx')
    expected = onnxruntime.InferenceSession(f'{name}.onnx').run(None, {'x': values})[0][0]
    words = ['pnnx', f'{name}.onnx', 'inputshape=[1,4,5,6]', 'fp16=0']
    subprocess.run(words, check=True, capture_output=True)
    net = ncnn.Net()
    assert net.load_param(f'{name}.ncnn.param') == 0 and net.load_model(f'{name}.ncnn.bin') == 0
    with net.create_extractor() as extractor:
        extractor.input('in0', ncnn.Mat(values[0]).clone())
        return expected, np.array(extractor.extract('out0')[1])


for opset in (17, 18):
    for axis in (1, 2, 3):
        expected, found = outputs(opset, axis)
        print(f'opset {opset}, axis {axis}: {expected.shape} {found.shape}')
        other = expected if opset == 17 else values[0]
        assert found.shape == other.shape and np.allclose(found, other, atol=1e-5), 'the behaviour has changed'
PYTHON
