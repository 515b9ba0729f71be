"""The workloads of the benchmark, done by the baseline."""

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS
from mmpretrain.models import ImageClassifier
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmtscam.localization import PROTOCOLS, get_protocol
from mmtscam.models import SATHead, TriLiteHead
from mmtscam.models.checkpoints import to_reference
from mmtscam.utils.config import type_class, type_name

from . import ours
from .inputs import ORIGINAL_SIZE, Batch, make_batches
from .plain import PlainSAT, PlainTSCAM, plain_load, plain_normalize, plain_score, plain_train_step
from .settings import Setting, Way
from .worker import Task


def build_plain(cfg: Config, device: str) -> PlainTSCAM:
    """Build the baseline with the weights of :func:`build_model`, without a copy of them."""
    model = ours.build_model(cfg, device)
    plain = plain_like(model)
    plain.load_state_dict(to_reference(model.state_dict()), assign=True)
    # Tensors of a state dict do not require gradients.
    return plain.requires_grad_().eval()


def plain_like(model: ImageClassifier) -> PlainTSCAM:
    """The baseline in the shape of one of our models, on the meta device, so without memory for weights.

    Raises:
        ValueError: If the baseline is not written for such a backbone and
            head.
    """
    backbone, head = model.backbone, model.head
    protocol = get_protocol(head.settings.protocol, name='tscam', threshold=PROTOCOLS['tscam'].threshold)
    for found, expected, what in (  # the baseline is written for ...
        (head.settings.map_kind, head.map_kinds[0].name, 'the kind of map'),
        (head.settings.topk, min(5, head.num_classes), 'so many classes with boxes:'),
        (backbone.attn_aggregation, 'mean', 'attention by'),
        (backbone.attn_layers, list(range(backbone.num_layers)), 'attention of the blocks'),
        (protocol, PROTOCOLS['tscam'], 'the protocol'),
    ):
        if found != expected:
            if found is protocol:  # its name says more than all of its fields
                found, expected = head.settings.protocol.name, 'tscam'
            raise ValueError(f'the baseline is written for {what} {expected}, not {found}')
    shape = dict(
        width=backbone.embed_dims,
        heads=backbone.arch_settings['num_heads'],
        hidden=backbone.arch_settings['feedforward_channels'],
        drop_paths=[getattr(layer.attn.out_drop, 'drop_prob', 0.0) for layer in backbone.layers],
        classes=head.num_classes,
        patch=backbone.patch_embed.projection.kernel_size[0],
        positions=backbone.pos_embed.shape[1],
    )
    with torch.device('meta'):
        is_sat = isinstance(head, SATHead)
        plain = PlainSAT(backbone.gated_blocks, head.area, **shape) if is_sat else PlainTSCAM(**shape)
    try:
        shapes = _shapes(to_reference(model.state_dict()))
    except ValueError:  # a parameter that no released model has
        shapes = {}
    projection = backbone.patch_embed.projection
    if shapes != _shapes(plain.state_dict()) or projection.stride != projection.kernel_size:
        raise ValueError('the baseline is written for a DeiT without layer scale, other norms or other patches')
    return plain


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def is_trilite(cfg: Config) -> bool:
    """Whether a config trains TriLite, whose baseline is the same code with a graph through the backbone."""
    return type_name(cfg.model.head.type) == 'TriLiteHead'


def unfrozen(cfg: Config) -> Config:
    """A copy of a config whose backbone is trained."""
    cfg = copy.deepcopy(cfg)
    cfg.model.backbone.frozen_stages = -1
    return cfg


def count_flops(model: ImageClassifier, input_size: int) -> int | None:
    """Floating-point operations of a forward pass of one image, two a multiply-accumulate.

    All matrix products and convolutions of the network are counted.
    Attention counts as written out, whatever computes it. Softmax, norms,
    GELU, the coupling of maps and drawing boxes are not counted.

    Args:
        model: One of our models, on any device, also meta.
        input_size: Side of the input in pixels.

    Returns:
        Their number; ``None`` for TriLite, which is not written out plainly.

    Raises:
        ValueError: If :func:`plain_like` raises it.
    """
    if isinstance(model.head, TriLiteHead):
        return None
    plain = plain_like(model).train()  # no maps are coupled in training
    images = torch.empty(1, 3, input_size, input_size, device='meta')
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        plain(images)
    return counter.get_total_flops()


def normalizer(cfg: Config, device: str) -> Callable[[Batch], Tensor]:
    """Make the function that brings a batch's images to a device and normalises them as the config says."""
    preprocessor = cfg.model.data_preprocessor
    return lambda batch: plain_normalize(batch.images.to(device), preprocessor.mean, preprocessor.std)


def threshold_of(cfg: Config) -> float:
    """The threshold with which the head draws boxes."""
    head = cfg.model.head
    threshold = get_protocol(head.get('protocol', 'tscam'), threshold=head.get('threshold')).threshold
    assert threshold is not None  # a head without one cannot be built
    return threshold


def evaluation(setting: Setting, cfg: Config, way: Way) -> Task:
    """Predict, draw boxes and score them; returns the numbers of right images."""
    model = build_plain(cfg, setting.device)
    batches, normalize, threshold = make_batches(setting, cfg), normalizer(cfg, setting.device), threshold_of(cfg)

    def evaluate() -> Counter:
        right: Counter = Counter()
        for batch in batches:
            with torch.no_grad():
                logits, maps = model(normalize(batch))
            sizes = [ORIGINAL_SIZE] * len(batch.labels)
            scores, maps = logits.cpu().numpy(), maps.cpu().numpy()
            right.update(plain_score(scores, maps, batch.labels, batch.boxes, sizes, threshold)[1])
        return right

    return evaluate


def prediction(setting: Setting, cfg: Config, way: Way) -> Task:
    """Compute logits and maps."""
    model = build_plain(cfg, setting.device)
    batches, normalize = make_batches(setting, cfg), normalizer(cfg, setting.device)

    def predict() -> None:
        for batch in batches:
            with torch.no_grad():
                model(normalize(batch))

    return predict


def training(setting: Setting, cfg: Config, way: Way) -> Task:
    """Take a training step for each batch."""
    if is_trilite(cfg):
        return ours.training(setting, unfrozen(cfg), way)
    model = build_plain(cfg, setting.device).train()
    arguments = dict(cfg.optim_wrapper.optimizer)
    optimizer = type_class(arguments.pop('type'), OPTIMIZERS)(model.parameters(), **arguments)
    batches, normalize = make_batches(setting, cfg), normalizer(cfg, setting.device)

    def train() -> None:
        for batch in batches:
            labels = torch.tensor(batch.labels, device=setting.device)
            plain_train_step(model, optimizer, normalize(batch), labels)

    return train


def loading(setting: Setting, cfg: Config, way: Way) -> Task:
    """Take image files through the training pipeline."""
    arguments = plain_pipeline(cfg.train_dataloader.dataset.pipeline)

    def load() -> None:
        for _, path in itertools.product(range(setting.batches), setting.files):
            plain_load(path, **arguments)

    return load


def plain_pipeline(pipeline: Sequence[dict]) -> dict[str, Any]:
    """Arguments of :func:`~.plain.plain_load` that do what a training pipeline does.

    Raises:
        ValueError: If the pipeline has a step that the baseline lacks.
    """
    arguments: dict[str, Any] = dict(resize=None, crop=None, flip=False)
    for step in pipeline:
        kind = type_name(step['type'])
        if kind in ('Resize', 'LoadResizedImage'):
            scale = step['scale']
            arguments['resize'] = (scale, scale) if isinstance(scale, int) else tuple(scale)
        elif kind == 'RandomCrop':
            crop = step['crop_size']
            if not isinstance(crop, int) or step.get('padding'):
                raise ValueError('the baseline of load crops squares from within: one number as crop_size, no padding')
            arguments['crop'] = crop
        elif kind == 'RandomFlip':
            if step.get('prob') != 0.5:
                raise ValueError(f'the baseline of load flips half of the images, not {step.get("prob")} of them')
            arguments['flip'] = True
        elif kind not in ('LoadImageFromFile', 'PackLocInputs'):
            raise ValueError(f'the baseline of load knows nothing of {kind} in the training pipeline: leave load out')
    if arguments['resize'] is None:
        raise ValueError('the baseline of load needs a Resize in the training pipeline: leave load out')
    return arguments
