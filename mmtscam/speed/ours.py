"""The workloads of the benchmark, done by this package."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from mmpretrain.models import ImageClassifier

from mmtscam.engine import LocTestLoop
from mmtscam.engine.optim import as_plain_groups
from mmtscam.evaluation import LocAccuracy
from mmtscam.registry import MODELS, TRANSFORMS

from .inputs import make_batches, our_batch
from .settings import Setting, Way
from .worker import Task


def build_model(cfg: Config, device: str, compiled: bool = False) -> ImageClassifier:
    """Build the model of a config with random weights, the same ones each time."""
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.to(device).eval()
    if compiled:  # as mmengine's Runner does for a config with compile=True
        model.forward = torch.compile(model.forward)
    return model


def evaluate_batches(
    model: ImageClassifier, evaluator: Evaluator, batches: Sequence[dict], precision: str = 'fp32'
) -> dict[str, float]:
    """Predict, draw boxes and score them in this package's test loop.

    Args:
        model: The model.
        evaluator: The metrics.
        batches: ``inputs`` and ``data_samples`` of each batch.
        precision: One of :data:`~mmtscam.utils.choices.PRECISIONS`.

    Returns:
        The metrics by name.
    """
    # These stand for a Runner and a loader, with only the attributes that the loop uses.
    runner: Any = SimpleNamespace(model=model, call_hook=lambda *args, **kwargs: None)
    loader: Any = _Loader(batches)
    loader.dataset = [sample for batch in batches for sample in batch['data_samples']]
    return LocTestLoop(runner, loader, evaluator, fp16=precision == 'bf16').run()


class _Loader(list):
    """Batches that are there already."""

    dataset: Sequence
    num_workers = 0

    @property
    def batch_sampler(self) -> Iterator[range]:
        """Numbers of the images of each batch."""
        ends = list(itertools.accumulate((len(batch['data_samples']) for batch in self), initial=0))
        return map(range, ends, ends[1:])


def evaluation(setting: Setting, cfg: Config, way: Way) -> Task:
    """Predict, draw boxes and score them; returns the metrics."""
    model, batches = _model_and_batches(setting, cfg, way)
    return partial(evaluate_batches, model, Evaluator([LocAccuracy()]), batches, way.precision)


def prediction(setting: Setting, cfg: Config, way: Way) -> Task:
    """Compute logits and maps."""
    model, batches = _model_and_batches(setting, cfg, way)

    def predict() -> None:
        for batch in batches:
            with torch.no_grad(), autocast(enabled=way.precision == 'bf16', dtype=torch.bfloat16):
                model.test_step(batch)

    return predict


def training(setting: Setting, cfg: Config, way: Way) -> Task:
    """Take a training step for each batch."""
    model, batches = _model_and_batches(setting, cfg, way)
    model.train()
    if way.precision == 'bf16':
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
    optim_wrapper = as_plain_groups(build_optim_wrapper(model, cfg.optim_wrapper))

    def train() -> None:
        for batch in batches:
            model.train_step(batch, optim_wrapper)

    return train


def loading(setting: Setting, cfg: Config, way: Way) -> Task:
    """Take image files through the training pipeline."""
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    pipeline = Compose([TRANSFORMS.build(step) for step in cfg.train_dataloader.dataset.pipeline])

    def load() -> None:
        for _, path in itertools.product(range(setting.batches), setting.files):
            pipeline(dict(img_path=path, gt_label=0))

    return load


def _model_and_batches(setting: Setting, cfg: Config, way: Way) -> tuple[ImageClassifier, list[dict]]:
    model = build_model(cfg, setting.device, way.compiled)
    return model, [our_batch(batch) for batch in make_batches(setting, cfg)]
