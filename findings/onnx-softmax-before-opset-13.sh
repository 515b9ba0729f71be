#!/usr/bin/env bash
# OpenVINO, OpenCV, ONNX's own reference and onnxscript's version converter take Softmax
# of an ONNX file of opset 12 or lower for the one of opset 13.
#
# Versions:  openvino 2026.4.1, opencv-python 5.0.0.93, onnx 1.23.2, onnxscript 0.7.2,
#            onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     runtimes keep to the opset that a file names; onnx.reference has the right
#            values if they differ; a version converter keeps the values.
# Behaviour: up to opset 12 Softmax makes a matrix of its input first: everything from
#            axis on, which is 1 by default, sums to 1 TOGETHER. From 13 on it is along
#            the axis alone. onnxruntime, tract, onnxslim, onnxsim and onnx's own version
#            converter keep to this; these four do not, without an error. Files with two
#            axes, or with axis = last, are not concerned.
# Seen:      sum of Softmax(axis=1) of opset 11 over 12 values, per row:
#            onnxruntime: 1.00; OpenVINO: 4.00; OpenCV: 4.00; onnx.reference: 4.00;
#            onnxscript to opset 18: 4.00; onnx to opset 18: 1.00 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 opencv-python==5.0.0.93 onnx==1.23.2 onnxscript==0.7.2 \
    onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > see.py <<'PYTHON'
import cv2
import numpy as np
import onnx_ir
import onnxruntime
import openvino
from onnx import ModelProto, TensorProto, helper, save
from onnx import version_converter as converter_of_onnx
from onnx.reference import ReferenceEvaluator
from onnxscript import version_converter as converter_of_onnxscript

scores = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
graph = helper.make_graph(
    [helper.make_node('Softmax', ['x'], ['y'], axis=1)],
    'softmax',
    [helper.make_tensor_value_info('x', TensorProto.FLOAT, scores.shape)],
    [helper.make_tensor_value_info('y', TensorProto.FLOAT, scores.shape)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 11)], ir_version=8)
save(model, 'model.onnx')
together = np.exp(scores) / np.exp(scores).sum((1, 2), keepdims=True)
along = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


def with_onnxruntime(other: ModelProto) -> np.ndarray:
    return onnxruntime.InferenceSession(other.SerializeToString()).run(None, {'x': scores})[0]


def with_openvino() -> np.ndarray:
    compiled = openvino.Core().compile_model('model.onnx', 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return np.array(compiled([scores])[0])


def with_opencv() -> np.ndarray:
    net = cv2.dnn.readNetFromONNX('model.onnx')
    net.setInput(scores, 'x')
    return net.forward('y')


def by_onnxscript() -> ModelProto:
    other = onnx_ir.from_proto(model)
    converter_of_onnxscript.convert_version(other, 18)
    assert other.opset_imports[''] == 18
    return onnx_ir.to_proto(other)


for name, found, expected in (
    ('onnxruntime', with_onnxruntime(model), together),
    ('OpenVINO', with_openvino(), along),
    ('OpenCV', with_opencv(), along),
    ('onnx.reference', ReferenceEvaluator(model).run(None, {'x': scores})[0], along),
    ('onnxscript to opset 18', with_onnxruntime(by_onnxscript()), along),
    ('onnx to opset 18', with_onnxruntime(converter_of_onnx.convert_version(model, 18)), together),
):
    print(f'{name}: sums {", ".join(f"{row.sum():.2f}" for row in found)}')
    assert np.allclose(found, expected, atol=1e-4), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore see.py
