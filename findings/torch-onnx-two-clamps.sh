#!/usr/bin/env bash
# torch.onnx.export: two clamps of one tensor give a file that no runtime loads.
#
# Versions:  torch 2.11.0, onnxscript 0.7.2, onnx-ir 1.1.0, onnx 1.23.2,
#            onnxruntime 1.32.0, Python 3.11
# Guess:     the exporter either fails or writes a valid graph; a model of two
#            operators that everyone has is beyond doubt.
# Behaviour: each clamp(low, high) becomes a Clip whose limits are constants that
#            are named after the clamp's input. Where one tensor is clamped twice,
#            the names meet, and a limit with the same value is taken away as a
#            double, though the second Clip still asks for it. Nothing is said;
#            the checker of onnx and every runtime refuse the file. A clamp with
#            one limit becomes Min or Max, and is not concerned.
# Seen:      d.clamp(0, 1) + d.clamp(1, 2): "Node input 'abs_1_min_1' is not a graph
#            input, initializer, or output of a previous node"; d.clamp(max=1) +
#            d.clamp(1, 2): loads, the same numbers (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.11.0 onnxscript==0.7.2 onnx-ir==1.1.0 onnx==1.23.2 \
    onnxruntime==1.32.0 'numpy<2.5'
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import logging

import onnxruntime
import torch

logging.disable(logging.WARNING)


class Twice(torch.nn.Module):
    def forward(self, x):
        distance = x.abs()
        return distance.clamp(0, 1) + distance.clamp(1, 2)


class OneLimit(torch.nn.Module):
    def forward(self, x):
        distance = x.abs()
        return distance.clamp(max=1) + distance.clamp(1, 2)


def load(model, x):
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


x = torch.linspace(-3, 3, 12).reshape(3, 4)
assert torch.equal(torch.from_numpy(load(OneLimit(), x)), OneLimit()(x)), 'the behaviour has changed'
print('clamp(max=1) + clamp(1, 2): loads, the same numbers')
try:
    load(Twice(), x)
except Exception as error:
    print('clamp(0, 1) + clamp(1, 2):', str(error).split('Invalid model. ')[-1])
    assert 'is not a graph input, initializer, or output of a previous node' in str(error), 'the behaviour has changed'
else:
    raise SystemExit('the behaviour has changed: it loads')
PYTHON
