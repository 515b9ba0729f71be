"""Checks that the baseline and this package compute the same."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from torch import Tensor

from mmtscam.evaluation import LocAccuracy

from .baseline import build_plain, is_trilite, normalizer, threshold_of, unfrozen
from .inputs import ORIGINAL_SIZE, Batch, make_batches, our_batch
from .ours import build_model
from .plain import plain_score
from .settings import Setting
from .workloads import quiet

TOLERANCE = 1e-5


def check_agreement(setting: Setting) -> dict[str, float]:
    """Compare the baseline with ours on the first batch, in fp32.

    Logits and coupled maps must be equal but for rounding. Boxes from the
    same maps, and the numbers of right images, must be equal. In training,
    the loss must be equal too.

    Args:
        setting: A workload other than ``'load'``.

    Returns:
        The largest difference of each, relative to the largest value.

    Raises:
        ValueError: If they differ; says in what and by how much.
    """
    quiet()
    with full_precision():
        return _check_training(setting) if setting.workload == 'train' else _check_evaluation(setting)


def _check_evaluation(setting: Setting) -> dict[str, float]:
    cfg = setting.load()
    model, plain = build_model(cfg, setting.device), build_plain(cfg, setting.device)
    batch = make_batches(setting, cfg)[0]
    ours = our_batch(batch)

    with torch.no_grad():
        logits = model(model.data_preprocessor(ours)['inputs'])
        samples = list(model.test_step(ours))
        plain_logits, plain_maps = plain(normalizer(cfg, setting.device)(batch))
    if model.head.settings.map_kind == 'coupled':  # the released code sums over blocks; the paper averages
        plain_maps /= len(plain.blocks)
    plain_maps = plain_maps.cpu()

    found = dict(logits=_difference(plain_logits.cpu(), logits.cpu()))
    labels = [sample.class_maps.labels.cpu() for sample in samples]
    chosen = torch.cat([maps[wanted] for maps, wanted in zip(plain_maps, labels, strict=True)])
    found['maps'] = _difference(chosen, torch.cat([sample.class_maps.maps.cpu() for sample in samples]))
    for name, difference in found.items():
        if not difference <= TOLERANCE:
            raise ValueError(_message(name, difference))

    # Both get the same maps: a box may differ by a pixel if maps differ by rounding.
    for sample, wanted, maps in zip(samples, labels, plain_maps, strict=True):
        maps[wanted] = sample.class_maps.maps.cpu()
    sizes = [ORIGINAL_SIZE] * len(samples)
    boxes, right = plain_score(
        logits.cpu().numpy(), plain_maps.numpy(), batch.labels, batch.boxes, sizes, threshold_of(cfg)
    )
    drawn = np.array(boxes) * np.tile(np.array(ORIGINAL_SIZE) / 224, 2)
    if not np.allclose(drawn, [sample.pred_instances.bboxes.cpu().numpy() for sample in samples], atol=0.01):
        raise ValueError('the boxes of the baseline differ from ours')

    evaluator = Evaluator([LocAccuracy(prefix='ours')])
    evaluator.process(samples)
    metrics = evaluator.evaluate(len(samples))
    counted = {name: round(metrics[f'ours/{name}'] * len(samples) / 100) for name in right}
    if counted != dict(right):
        raise ValueError(f'the baseline counts {dict(right)}, ours {counted}')
    return found


def _check_training(setting: Setting) -> dict[str, float]:
    cfg = setting.load()
    batch = make_batches(setting, cfg)[0]
    loss, gradient = _our_loss(setting, cfg, batch)
    if is_trilite(cfg):
        plain_loss, plain_gradient = _our_loss(setting, unfrozen(cfg), batch)
    else:
        plain = build_plain(cfg, setting.device).train()
        torch.manual_seed(1)
        labels = torch.tensor(batch.labels, device=setting.device)
        plain_loss = plain.loss(normalizer(cfg, setting.device)(batch), labels)
        (plain_gradient,) = torch.autograd.grad(plain_loss, plain.head.weight)
    found = dict(loss=_difference(plain_loss, loss), gradient=_difference(plain_gradient, gradient))
    for name, difference in found.items():
        # A gradient sums up the roundings of many steps.
        if not difference <= TOLERANCE * (10 if name == 'gradient' else 1):
            raise ValueError(_message(name, difference))
    return found


def _our_loss(setting: Setting, cfg: Config, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss of a batch, and its gradient for the head's convolution."""
    model = build_model(cfg, setting.device).train()
    torch.manual_seed(1)  # for drop path and dropout
    loss, _ = model.parse_losses(model(**model.data_preprocessor(our_batch(batch), True), mode='loss'))
    return loss, torch.autograd.grad(loss, model.head.conv.weight)[0]


def _message(name: str, difference: float) -> str:
    return f'{name} of the baseline and of ours differ by {difference:.1e} of the largest value in fp32'


def _difference(first: Tensor, second: Tensor) -> float:
    """Largest difference, relative to the largest value of the second."""
    return float((first - second).detach().abs().max() / second.detach().abs().max())


@contextmanager
def full_precision() -> Iterator[None]:
    """Switch off TensorFloat-32, which cuDNN uses by default and which rounds to ten bits."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
