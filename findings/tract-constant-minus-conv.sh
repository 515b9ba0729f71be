#!/usr/bin/env bash
# tract: a constant per channel MINUS a convolution is computed as the constant PLUS it,
# and a constant per channel divided by a convolution is infinite.
#
# Versions:  tract 0.23.9, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11
# Guess:     Sub and Div keep the order of their inputs, whichever of them is the constant.
# Behaviour: where a convolution is followed by Sub or Div with a constant of shape
#            (C, 1, 1) as FIRST input, the two are joined into one convolution as if the
#            constant came second, without an error or a warning. With the constant
#            second, with a constant of one number, or with a Relu between, all is right.
# Seen:      Sub(constant, convolution), one per channel: sum
#            Div(constant, convolution), one per channel: infinite
#            all fourteen others: right (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tract==0.23.9 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import tract
from onnx import TensorProto, helper, numpy_helper, save

random = np.random.default_rng(0)
values = random.uniform(1, 2, size=(1, 4, 6, 6)).astype(np.float32)
kernel = random.uniform(1, 2, size=(3, 4, 3, 3)).astype(np.float32)
constants = {'one per channel': np.array([[[2]], [[3]], [[5]]], np.float32), 'one number': np.array(3, np.float32)}
windows = np.lib.stride_tricks.sliding_window_view(values[0], (3, 3), axis=(1, 2))
features = np.einsum('cyxij,kcij->kyx', windows, kernel)[None]


def outputs(operator: str, constant: np.ndarray, first: bool, between: bool) -> list[np.ndarray]:
    """The output of onnxruntime and that of tract."""
    nodes = [helper.make_node('Conv', ['x', 'kernel'], ['features'])]
    name = 'features'
    if between:
        nodes.append(helper.make_node('Relu', ['features'], ['same']))
        name = 'same'
    nodes.append(helper.make_node(operator, ['c', name] if first else [name, 'c'], ['y']))
    graph = helper.make_graph(
        nodes,
        'graph',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 4, 6, 6])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 3, 4, 4])],
        [numpy_helper.from_array(kernel, 'kernel'), numpy_helper.from_array(constant, 'c')],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), 'model.onnx')
    net = tract.onnx().load('model.onnx').into_model().into_runnable()
    session = onnxruntime.InferenceSession('model.onnx')
    return [session.run(None, {'x': values})[0], net.run([values])[0].to_numpy()]


for operator, compute in (('Sub', np.subtract), ('Div', np.divide)):
    for kind, constant in constants.items():
        for first in (True, False):
            for between in (False, True):
                asked = compute(constant, features) if first else compute(features, constant)
                reference, found = outputs(operator, constant, first, between)
                assert np.allclose(reference, asked, rtol=1e-4)
                seen = 'neither'
                if np.allclose(found, asked, rtol=1e-4):
                    seen = 'right'
                elif np.allclose(found, constant + features, rtol=1e-4):
                    seen = 'sum'
                elif np.isinf(found).all():
                    seen = 'infinite'
                order = 'constant, convolution' if first else 'convolution, constant'
                print(f'{operator}({order}{" and Relu" if between else ""}), {kind}: {seen}')
                wrong = first and kind == 'one per channel' and not between
                expected = {'Sub': 'sum', 'Div': 'infinite'}[operator] if wrong else 'right'
                assert seen == expected, 'the behaviour has changed'
PYTHON
