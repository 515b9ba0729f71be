#!/usr/bin/env bash
# grad-cam: a map that is computed while gradients are accumulated clears them and leaves
# its own gradient in the parameters, so the next step of training follows the map.
#
# Versions:  grad-cam 1.5.7, torchcam 0.5.0, captum 0.9.0, torch 2.11.0, numpy 2.4.6,
#            Python 3.11
# Guess:     a map is only looked at; computing one, say in a hook after every n-th
#            batch, does not change what the optimizer does next.
# Behaviour: GradCAM of grad-cam calls zero_grad() of the model and then backward() of
#            the class's score. Between backward() and step(), or with gradients that are
#            accumulated over batches, the loss's gradient is lost and step() follows
#            minus the gradient of the score, which lowers that class's score. torchcam
#            and captum leave the parameters' gradients as they are.
# Seen:      the gradient that step() uses, against the loss's: torchcam and captum the
#            same; grad-cam that of the class's score alone (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet grad-cam==1.5.7 torchcam==0.5.0 captum==0.9.0 torch==2.11.0 torchvision==0.26.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import torch
from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM as GradCAMOfGradCam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchcam.methods import GradCAM as GradCAMOfTorchcam

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
images, classes = torch.rand(4, 3, 16, 16), torch.tensor([0, 1, 0, 1])
shown = images[:1]


def by_grad_cam() -> None:
    with GradCAMOfGradCam(model, [model[1]]) as extractor:
        extractor(shown, [ClassifierOutputTarget(0)])


def by_torchcam() -> None:
    with GradCAMOfTorchcam(model, '1') as extractor:
        extractor(0, model(shown))


def by_captum() -> None:
    LayerGradCam(model, model[1]).attribute(shown, target=0)


def of_loss() -> torch.Tensor:
    model.zero_grad()
    nn.functional.cross_entropy(model(images), classes).backward()
    return model[0].weight.grad.clone()


def of_score() -> torch.Tensor:
    return torch.autograd.grad(model(shown)[0, 0], model[0].weight)[0]


seen = {}
for name, run in (('grad-cam', by_grad_cam), ('torchcam', by_torchcam), ('captum', by_captum)):
    wanted = of_loss()
    run()
    found = model[0].weight.grad
    names = {'of the loss': wanted, 'of the score': of_score(), 'of both': wanted + of_score()}
    seen[name] = [each for each, values in names.items() if torch.allclose(found, values, atol=1e-6)]
    print(f'after a map by {name}, the gradient is that {" and ".join(seen[name]) or "of something else"}')
assert seen['torchcam'] == seen['captum'] == ['of the loss'], 'the behaviour has changed'
assert seen['grad-cam'] == ['of the score'], 'the behaviour has changed'
PYTHON
