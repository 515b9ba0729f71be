#!/usr/bin/env bash
# onnxconverter-common: with keep_io_types, a graph of which an output is also used
# within becomes a half-precision file that no runtime loads.
#
# Versions:  onnxconverter-common 1.16.0, onnx 1.23.2, onnxruntime 1.32.0,
#            Python 3.11
# Guess:     keep_io_types puts a conversion before each output and leaves the rest
#            of the graph in half precision, whoever else uses the output.
# Behaviour: the output's name goes to the converted, 32-bit value. Operators within
#            the graph that read it by this name get 32 bits beside weights of 16.
#            The converter says nothing. With an Identity before the output the
#            file is right; onnxruntime.transformers.float16 needs none.
# Seen:      "Type parameter (T) of Optype (Mul) bound to different types
#            (tensor(float) and tensor(float16)"; with an Identity: loads, right
#            numbers (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxconverter-common==1.16.0 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16
from onnxruntime.transformers import float16 as other


def build(identity):
    """Attention, which is an output, times a weight."""
    inner = 'inner' if identity else 'attention'
    nodes = [helper.make_node('Relu', ['images'], [inner]), helper.make_node('Mul', [inner, 'weight'], ['maps'])]
    if identity:
        nodes.append(helper.make_node('Identity', [inner], ['attention']))
    images, *outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ('images', 'maps', 'attention')
    )
    weight = numpy_helper.from_array(np.full(3, 0.5, np.float32), 'weight')
    graph = helper.make_graph(nodes, 'graph', [images], outputs, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {'images': np.ones((2, 3), np.float32)})


for identity in (False, True):
    assert [float(output[0, 0]) for output in run(build(identity))] == [0.5, 1.0]
    halves = float16.convert_float_to_float16(build(identity), keep_io_types=True)
    try:
        found = [float(output[0, 0]) for output in run(halves)]
    except Exception as error:
        print('without Identity:' if not identity else 'with Identity:', str(error)[:160])
        assert not identity and 'bound to different types' in str(error), 'the behaviour has changed'
    else:
        print('with Identity: loads,' if identity else 'without Identity: loads,', found)
        assert identity and found == [0.5, 1.0], 'the behaviour has changed'
found = [float(output[0, 0]) for output in run(other.convert_float_to_float16(build(False), keep_io_types=True))]
print("onnxruntime's converter, without Identity: loads,", found)
assert found == [0.5, 1.0], 'the behaviour has changed'
PYTHON
