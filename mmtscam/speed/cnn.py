"""Cost of convolutional networks on a CPU: layouts of memory, refinements of maps, and maps from gradients."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.models import ImageClassifier

from mmtscam.engine.memory import keep_freed_memory
from mmtscam.models.backbones.channels_last import ChannelsLastMixin
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample
from mmtscam.utils.config import read_config, type_class, type_name

from .ours import build_model
from .worker import Task
from .workloads import quiet

# The largest difference between the layouts in double precision, relative to the largest value, that is rounding.
TOLERANCE = 1e-8
_SIDE = 224


def layout_tasks(
    config: str, workload: str, batch_size: int, cfg_options: dict[str, Any]
) -> list[tuple[str, Callable[[], Task]]]:
    """A training step or a prediction in PyTorch's default layout and in channels last.

    Args:
        config: Config of a convolutional backbone with ``channels_last``.
        workload: ``'train'`` or ``'predict'``.
        batch_size: Images a batch.
        cfg_options: Settings of the config to override.

    Returns:
        Name and maker of each way, the default layout first; see
        :func:`~.worker.start_workers`.
    """
    ways = (('default layout', False), ('channels last', True))
    return [(name, partial(_build, config, workload, batch_size, cfg_options, last)) for name, last in ways]


def layouts_differ(config: str, batch_size: int, cfg_options: dict[str, Any]) -> float:
    """Largest difference between the layouts of the loss, and of the gradients, each relative to the largest value.

    Raises:
        ValueError: If the backbone has no layouts to choose from.
    """
    found = []
    for last in (False, True):
        model, _ = _model(config, cfg_options, last)
        torch.manual_seed(1)  # for dropout
        data = model.data_preprocessor(_batch(model, batch_size), True)
        # In double precision, since with batch norm roundings grow from layer to layer.
        losses = model.double()(data['inputs'].double(), data['data_samples'], mode='loss')
        loss, _ = model.parse_losses(losses)
        loss.backward()
        gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
        found.append([loss.detach(), torch.cat(gradients)])
    pairs = zip(*found, strict=True)
    return max(float((one - other).abs().max() / one.abs().max()) for one, other in pairs)


def refinement_tasks(
    config: str, refinements: Sequence[dict], batch_size: int, classes: int, cfg_options: dict[str, Any]
) -> list[tuple[str, Callable[[], Task]]]:
    """The head's part of a prediction without and with each refinement, on one core, without drawing boxes.

    Args:
        config: Config of any head.
        refinements: Settings of ``model.head.refine``.
        batch_size: Images a batch.
        classes: Number of classes.
        cfg_options: Settings of the config to override.

    Returns:
        Name and maker of each way, the one without first.
    """
    options = {**cfg_options, 'model.head.num_classes': classes}
    ways = [('head alone', None), *((f'with {each["type"]}', each) for each in refinements)]
    return [(name, partial(_build, config, 'head', batch_size, options, None, each)) for name, each in ways]


def gradient_tasks(
    config: str, layer: str, batch_size: int, cfg_options: dict[str, Any]
) -> list[tuple[str, Callable[[], Task]]]:
    """A training step, and predictions with maps from gradients of the Top-k classes, without drawing boxes.

    Args:
        config: Config of any head.
        layer: Layer of the backbone for ``GradCAM``.
        batch_size: Images a batch.
        cfg_options: Settings of the config to override.

    Returns:
        Name and maker of each way, the training step first.
    """
    ways: list[dict[str, Any]] = [dict(type='InputGradient'), dict(type='GradCAM', layer=layer)]
    options = {**cfg_options, 'model.type': 'GradientClassifier'}
    step = partial(_build, config, 'train', batch_size, cfg_options, None)
    return [
        ('training step', step),
        *((each['type'], partial(_build, config, 'predict', batch_size, options, None, each)) for each in ways),
    ]


def _build(
    config: str,
    workload: str,
    batch_size: int,
    cfg_options: dict[str, Any],
    channels_last: bool | None,
    refine: dict | None = None,
) -> Task:
    quiet()
    keep_freed_memory()
    model, cfg = _model(config, cfg_options, channels_last, refine)
    batch = _batch(model, batch_size)
    if workload == 'train':
        optim_wrapper = build_optim_wrapper(model.train(), cfg.optim_wrapper)

        def train() -> None:
            model.train_step(batch, optim_wrapper)

        return train
    inputs = model.eval().data_preprocessor(batch)['inputs']
    if workload == 'head':
        torch.set_num_threads(1)
        with torch.no_grad():
            feats = model.extract_feat(inputs)

    def predict() -> None:
        with torch.no_grad():
            model.head.predict(feats if workload == 'head' else model.extract_feat(inputs), draw=False)

    return predict


def _model(
    config: str, cfg_options: dict[str, Any], channels_last: bool | None, refine: dict | None = None
) -> tuple[ImageClassifier, Config]:
    """The model with random weights, in training, with this refinement alone and without mixing images."""
    cfg = read_config(config, cfg_options)
    cfg.model.train_cfg = None
    cfg.model.head.refine = refine
    backbone = cfg.model.backbone
    inner = backbone.get('backbone', backbone)
    inner.init_cfg = None
    if channels_last is not None:
        init_default_scope(cfg.get('default_scope', 'mmtscam'))
        kind = type_class(inner.type, MODELS)
        if not (isinstance(kind, type) and issubclass(kind, ChannelsLastMixin)):
            raise ValueError(
                f'{config}: {type_name(inner.type)} has no layouts to choose from: measure a convolutional backbone'
            )
        inner.channels_last = channels_last
    return build_model(cfg, 'cpu').train(), cfg


def _batch(model: ImageClassifier, size: int) -> dict[str, Any]:
    """Noise with a label each, the same each time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (size, 3, _SIDE, _SIDE), generator=generator, dtype=torch.uint8)
    labels = [index % model.head.num_classes for index in range(size)]
    return dict(inputs=images, data_samples=[LocDataSample().set_gt_label(label) for label in labels])
