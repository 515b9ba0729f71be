"""Agreement of a device and its precisions with the reference implementation's numbers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmpretrain.models import ImageClassifier
from torch import Tensor

from mmtscam.models.checkpoints import from_reference
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .agreement import full_precision

# Largest difference, relative to the largest value. bfloat16 has 8 bits, float16 has 11.
_TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}
_NAMES = {torch.float32: 'fp32', torch.bfloat16: 'bf16', torch.float16: 'fp16'}


class GoldenDifference(NamedTuple):
    """How far a quantity is from the reference's.

    Attributes:
        precision: ``'fp32'``, ``'bf16'`` or ``'fp16'``.
        compiled: Whether it was computed with ``torch.compile``.
        quantity: Name of what was computed.
        difference: The largest difference, relative to the largest value.
        tolerance: The largest that rounding explains.
    """

    precision: str
    compiled: bool
    quantity: str
    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is one of rounding."""
        return self.difference <= self.tolerance


def golden_differences(path: str, device: str, compiled: Sequence[bool] = (False, True)) -> list[GoldenDifference]:
    """Compute what the reference computed with a small model, and compare.

    Args:
        path: The file with the model, its inputs and the reference's numbers,
            ``tests/data/tscam_small.npz``.
        device: Where to compute.
        compiled: With which kinds of code: with ``torch.compile`` or without.

    Returns:
        Differences of the class token's attention, logits and coupled maps,
        and those of the loss and of gradients, in each precision.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    golden = dict(np.load(path))
    found: list[GoldenDifference] = []
    with full_precision():
        for also in compiled:
            for dtype, tolerance in _TOLERANCES.items():
                torch.compiler.reset()
                for name, ours in _compute(golden, device, dtype, also):
                    reference = torch.from_numpy(np.asarray(golden[name]))
                    difference = (ours.detach().cpu().float().reshape(reference.shape) - reference).abs().max()
                    relative = float(difference / reference.abs().max())
                    found.append(GoldenDifference(_NAMES[dtype], also, name, relative, tolerance))
    return found


def _compute(golden: dict[str, Any], device: str, dtype: torch.dtype, compiled: bool) -> Iterator[tuple[str, Tensor]]:
    """Names of the reference's numbers, with ours."""
    model = _build(golden, device)
    inputs = torch.from_numpy(golden['inputs']).to(device)
    code: Callable[[Callable], Callable] = torch.compile if compiled else lambda function: function

    def evaluate() -> tuple[Tensor, Tensor, Tensor]:
        feats = model.extract_feat(inputs)
        # The reference sums over blocks.
        coupled = feats[1].sum(1, keepdim=True) * model.head.maps(feats)['semantic']
        return feats[1].transpose(0, 1), model.head(feats), coupled

    # mmengine's refuses float16 on CPUs.
    with torch.autocast(torch.device(device).type, dtype, enabled=dtype != torch.float32):
        with torch.no_grad():
            yield from zip(('class_attention', 'logits', 'coupled_maps'), code(evaluate)(), strict=True)
        model.train()
        samples = [LocDataSample().set_gt_label(int(label)).to(device) for label in golden['labels']]
        loss = code(model.forward)(inputs, samples, mode='loss')['loss']
    yield 'loss', loss
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    for name in golden:
        if name.startswith('grad:'):
            yield name, gradients[_our_name(name.removeprefix('grad:'))]


def _build(golden: dict[str, Any], device: str) -> ImageClassifier:
    """The small model, whose sizes are those of its weights."""
    init_default_scope('mmtscam')
    state = {name[len('state:') :]: torch.from_numpy(each) for name, each in golden.items() if name[:6] == 'state:'}
    width, side = state['cls_token'].shape[-1], golden['inputs'].shape[-1]
    blocks = 1 + max(int(name.split('.')[1]) for name in state if name.startswith('blocks.'))
    arch = dict(embed_dims=width, num_layers=blocks, num_heads=3, feedforward_channels=4 * width)
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMDeiT', arch=arch, img_size=side, patch_size=16),
            head=dict(type='TSCAMHead', num_classes=len(state['head.bias']), in_channels=width),
        )
    )
    model.load_state_dict(from_reference(state))
    return model.to(device).eval()


def _our_name(name: str) -> str:
    """Our name of a parameter of the reference."""
    marker = torch.empty(1, 1, 3, 3)
    others = {'blocks.0.norm1.weight': torch.empty(0), 'head.weight': torch.empty(1, 1, 3, 3)}
    return next(ours for ours, value in from_reference({**others, name: marker}).items() if value is marker)
