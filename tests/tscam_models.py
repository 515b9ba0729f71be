"""Small models with class attention, and watching what they compute."""

import gc
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from loc_samples import make_samples
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmtscam.registry import MODELS

WIDTH, HEADS, NUM_CLASSES = 20, 2, 6
DEIT = dict(
    type='TSCAMDeiT',
    arch=dict(embed_dims=WIDTH, num_layers=3, num_heads=HEADS, feedforward_channels=28),
    img_size=32,
    patch_size=8,
)
CONFORMER = dict(
    type='TSCAMConformer',
    arch=dict(embed_dims=WIDTH, depths=3, num_heads=HEADS, channel_ratio=1),
    base_channels=8,
)
SAT = dict(DEIT, type='SATDeiT', gated_blocks=2)
BACKBONES = {'deit': DEIT, 'conformer': CONFORMER, 'sat': SAT}
PATCH = {'deit': 8, 'conformer': 16, 'sat': 8}


def build_model(backbone: str = 'deit', head: str = 'TSCAMHead', **kwargs: Any) -> BaseModel:
    """A classifier with random weights, under which attention is not flat; in evaluation.

    Args:
        backbone: A name of ``BACKBONES``.
        head: A head for its features.
        **kwargs: Further arguments of the backbone.
    """
    head_cfg = dict(type=head, num_classes=NUM_CLASSES, in_channels=WIDTH, topk=2)
    if backbone == 'conformer' and head == 'TSCAMHead':
        head_cfg['pooled_channels'] = 32
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone={**BACKBONES[backbone], **kwargs},
            head=head_cfg,
        )
    )
    randomise(model)
    model.eval()
    return model


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Draw all weights, the same ones for the same seed; queries and keys twice as large as would keep the scale."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            scale = 0.2 if value.ndim < 2 else 1 / math.sqrt(value[0].numel())
            offset = 1.0 if value.ndim == 1 and name.endswith('weight') else 0.0
            value.normal_(std=2 * scale if 'qkv' in name else scale, generator=generator).add_(offset)


def make_images(backbone: str, rows: int = 5, columns: int = 7, batch: int = 2) -> Tensor:
    """Images of so many patches."""
    patch = PATCH[backbone]
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, rows * patch, columns * patch, generator=generator)


def training_step(model: nn.Module, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum of the losses and gradients of one batch; the model stays in training."""
    model.train()
    model.zero_grad()
    losses = model(images, make_samples(*range(len(images))), mode='loss')
    loss = sum(value for name, value in losses.items() if 'loss' in name)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def predict(model: nn.Module, images: Tensor) -> list:
    """Predicted samples, with their maps."""
    model.eval()
    return model(images, make_samples(*range(len(images))), mode='predict')


class WatchShapes(TorchDispatchMode):
    """Notes each tensor that an operation returns, forward and backward.

    Attributes:
        seen: Pairs of an operation's name and the shape of what it returned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[int, ...]]] = []

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        output = func(*args, **(kwargs or {}))
        shapes = (tuple(leaf.shape) for leaf in tree_leaves(output) if isinstance(leaf, Tensor))
        self.seen.extend((str(func), shape) for shape in shapes)
        return output

    def attention_matrices(self, tokens: int) -> list[tuple[str, tuple[int, ...]]]:
        """The tensors that had two axes of all tokens, or of all patches."""
        sizes = (tokens, tokens - 1)
        return [(name, shape) for name, shape in self.seen if sum(size in sizes for size in shape) > 1]

    def with_shape(self, *shapes: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
        """The tensors that had one of the given shapes."""
        return [(name, shape) for name, shape in self.seen if shape in shapes]


def tensors_of(tokens: int, known: Sequence[Tensor] = ()) -> list[Tensor]:
    """Every tensor alive that is no parameter, has an axis of all tokens or of all patches, and is not known."""
    gc.collect()
    old = {id(tensor) for tensor in known}
    return [
        candidate
        for candidate in gc.get_objects()
        if issubclass(type(candidate), Tensor)
        and id(candidate) not in old
        and not isinstance(candidate, nn.Parameter)
        and any(size in (tokens, tokens - 1) for size in candidate.shape)
    ]


def assert_close(ours: Tensor, reference: Tensor, tolerance: float = 1e-5) -> None:
    """Equal to so much of the reference's largest value."""
    assert ours.shape == reference.shape
    largest = reference.abs().max()
    assert largest > 0
    assert (ours.float() - reference.float()).abs().max() <= tolerance * largest
