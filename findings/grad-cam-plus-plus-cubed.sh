#!/usr/bin/env bash
# torchcam and grad-cam: the weights of Grad-CAM++ are not those of its formula, but go
# with the cube of the gradient, so the weaker part of an object vanishes from the map.
#
# Versions:  torchcam 0.5.0, grad-cam 1.5.7, torch 2.11.0, numpy 2.4.6, Python 3.11
# Guess:     GradCAMpp and GradCAMPlusPlus compute the formula that torchcam's docstring
#            has and grad-cam's source names: a gradient counts by
#            alpha = g^2 / (2 g^2 + sum(A) g^3), which is about 1/2 where g is small.
# Behaviour: torchcam divides a copy, so its alpha is g^2. grad-cam adds 1e-6 to the
#            denominator; a gradient through global pooling is a weight of the classifier
#            divided by the number of positions, about 1e-4, and its square is far below
#            1e-6. Both then weight by g^3. Nothing is said.
# Seen:      two squares, the second with half the classifier's weight (0.05 and 0.025,
#            14x14 positions). Its value in the map: formula 0.50, torchcam 0.12,
#            grad-cam 0.14. Columns above 0.2 of the maximum: formula 1 to 12, both
#            libraries 1 to 4. With a classifier 1000 times as large: formula and
#            grad-cam 0.75, torchcam 0.12 (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchcam==0.5.0 grad-cam==1.5.7 torch==2.11.0 torchvision==0.26.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import numpy as np
import torch
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchcam.methods import GradCAMpp

SIDE = 14
image = torch.zeros(1, 2, SIDE, SIDE)
image[0, 0, 5:9, 1:5] = 1
image[0, 1, 5:9, 9:13] = 1


def build(factor: float) -> torch.nn.Module:
    """A layer that hands on its two channels, global pooling and a classifier of one class."""
    layer = torch.nn.Conv2d(2, 2, 1, bias=False)
    head = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(2)[:, :, None, None])
        head.weight.copy_(factor * torch.tensor([[0.05, 0.025]]))
    return torch.nn.Sequential(layer, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head).eval()


def formula(factor: float) -> np.ndarray:
    values = image[0].double().numpy()
    gradient = factor * np.array([0.05, 0.025]) / SIDE**2
    alpha = gradient**2 / (2 * gradient**2 + values.sum((1, 2)) * gradient**3)
    weights = SIDE**2 * alpha * gradient
    return np.einsum('k,kyx->yx', weights, values)


def by_torchcam(factor: float) -> np.ndarray:
    model = build(factor)
    with GradCAMpp(model, '0') as extractor:
        return extractor(0, model(image))[0][0].numpy()


def by_grad_cam(factor: float) -> np.ndarray:
    model = build(factor)
    with GradCAMPlusPlus(model, [model[0]]) as extractor:
        return extractor(image, [ClassifierOutputTarget(0)])[0]


seen = {}
for factor in (1, 1000):
    for name, run in (('formula', formula), ('torchcam', by_torchcam), ('grad-cam', by_grad_cam)):
        found = run(factor)
        found = found / found.max()
        columns = np.flatnonzero((found > 0.2).any(0))
        seen[factor, name] = round(float(found[6, 10]), 2), (int(columns[0]), int(columns[-1]))
        print(f'classifier x {factor}, {name}: second square {found[6, 10]:.2f}, columns {columns[0]} to {columns[-1]}')
assert seen[1, 'formula'] == (0.5, (1, 12)), seen
assert seen[1, 'torchcam'] == (0.12, (1, 4)), 'the behaviour has changed'
assert seen[1, 'grad-cam'] == (0.14, (1, 4)), 'the behaviour has changed'
assert seen[1000, 'grad-cam'] == seen[1000, 'formula'], 'the behaviour has changed'
assert seen[1000, 'torchcam'] == (0.12, (1, 4)), 'the behaviour has changed'
PYTHON
