#!/usr/bin/env bash
# OpenCV and OpenVINO: average pooling with ceil_mode and count_include_pad, PyTorch's
# AvgPool2d(..., ceil_mode=True), divides the last row and column by too much.
#
# Versions:  opencv-python 5.0.0.93, openvino 2026.4.1, onnx 1.23.2, onnxruntime 1.32.0,
#            numpy 2.4.6, Python 3.11
# Guess:     the mean is over the part of a window within the padded image, as PyTorch,
#            ONNX's reference and onnxruntime compute it.
# Behaviour: the last window reaches past the padding, if ceil_mode rounds the size up.
#            OpenCV divides by the size of the whole window, so the border is darker by
#            up to three quarters; OpenVINO does the same where there is padding. PyTorch's
#            default is count_include_pad=True, even where nothing is padded. With
#            count_include_pad=0 both are right.
# Seen:      an image of ones, the mean in its lower right corner: ONNX's, OpenCV's, OpenVINO's
#            window 2, stride 2, padding 0, side 7: 1.00 0.25 1.00
#            window 3, stride 2, padding 0, side 8: 1.00 0.44 1.00
#            window 3, stride 2, padding 1, side 8: 0.25 0.11 0.11 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python==5.0.0.93 openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==2.4.6
cd "$folder"
cat > see.py <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, save
from onnx.reference import ReferenceEvaluator

PRECISION = {'INFERENCE_PRECISION_HINT': 'f32'}


def means(window: int, stride: int, padding: int, side: int, include: bool) -> list[np.ndarray]:
    """The right output, and those of onnxruntime, ONNX's reference, OpenCV and OpenVINO."""
    ones = np.ones((1, 1, side, side), np.float32)
    # With ceil_mode the number of windows is rounded up. None may start in the padding behind.
    length = -(-(side + 2 * padding - window) // stride) + 1
    assert (length - 1) * stride < side + padding
    row = np.zeros(length)
    for place in range(length):
        first = place * stride - padding
        inside = min(first + window, side) - max(first, 0)
        row[place] = inside / (min(first + window, side + padding) - first if include else inside)
    expected = np.outer(row, row)[None, None].astype(np.float32)
    sizes = dict(kernel_shape=[window] * 2, strides=[stride] * 2, pads=[padding] * 4)
    graph = helper.make_graph(
        [helper.make_node('AveragePool', ['x'], ['y'], ceil_mode=1, count_include_pad=int(include), **sizes)],
        'pool',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, ones.shape)],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, expected.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    save(model, 'model.onnx')
    found = [expected]
    found.append(onnxruntime.InferenceSession('model.onnx').run(None, {'x': ones})[0])
    found.append(ReferenceEvaluator(model).run(None, {'x': ones})[0])
    net = cv2.dnn.readNetFromONNX('model.onnx')
    net.setInput(ones, 'x')
    found.append(net.forward('y'))
    found.append(np.array(openvino.Core().compile_model('model.onnx', 'CPU', PRECISION)([ones])[0]))
    assert all(one.shape == expected.shape for one in found)
    return found


for window, stride, padding, side in ((2, 2, 0, 7), (3, 2, 0, 8), (3, 2, 1, 8)):
    outputs = means(window, stride, padding, side, True)
    corners = [f'{outputs[place][0, 0, -1, -1]:.2f}' for place in (0, 3, 4)]
    assert np.allclose(outputs[0], outputs[1]) and np.allclose(outputs[0], outputs[2])
    assert all(np.allclose(outputs[0][..., :-1, :-1], one[..., :-1, :-1]) for one in outputs)
    print(f'window {window}, stride {stride}, padding {padding}, side {side}: {" ".join(corners)}')
    plain = means(window, stride, padding, side, False)
    assert all(np.allclose(one, plain[0]) for one in plain), 'the behaviour has changed'
PYTHON
"$folder/venv/bin/python" -W ignore see.py | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
window 2, stride 2, padding 0, side 7: 1.00 0.25 1.00
window 3, stride 2, padding 0, side 8: 1.00 0.44 1.00
window 3, stride 2, padding 1, side 8: 0.25 0.11 0.11
SEEN
