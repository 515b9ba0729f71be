"""What is measured: training, prediction, evaluation and data loading, by the baseline and by ours."""

import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from mmengine.structures import InstanceData
from mmengine.utils.dl_utils import set_multi_processing
from mmpretrain.models import ImageClassifier
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmtscam.engine import LocTestLoop
from mmtscam.engine.memory import keep_freed_memory
from mmtscam.evaluation import LocAccuracy
from mmtscam.localization import PROTOCOLS, get_protocol
from mmtscam.models.backbones import TSCAMDeiT
from mmtscam.models.heads import TSCAMHead
from mmtscam.models.utils import to_reference
from mmtscam.registry import DATASETS, MODELS, TRANSFORMS
from mmtscam.structures import LocDataSample

from .plain import PlainTSCAM, plain_load, plain_normalize, plain_score, plain_train_step
from .worker import Task

WORKLOADS = ('evaluate', 'train', 'predict', 'load')
PRECISIONS = ('fp32', 'bf16')
ORIGINAL_SIZE = (500, 375)  # width and height of the original images, typical of CUB and ILSVRC
_LOADED_IMAGES = 64


@dataclass(frozen=True)
class Setting:
    """A workload and its size.

    Args:
        config: Config file.
        workload: One of :data:`WORKLOADS`.
        batch_size: Images a batch; without meaning for ``'load'``.
        input_size: Side of the input in pixels; the config's by default.
        classes: Number of classes; the config's by default.
        batches: Batches, or passes over the images, a run.
        device: ``'cpu'`` or a CUDA device.
        cfg_options: Settings of the config to override.
        files: Image files for ``'load'``.
    """

    config: str
    workload: str
    batch_size: int = 16
    input_size: int | None = None
    classes: int | None = None
    batches: int = 1
    device: str = 'cpu'
    cfg_options: dict = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Images a run."""
        return self.batches * (len(self.files) if self.workload == 'load' else self.batch_size)

    def load(self) -> Config:
        """Read the config and set sizes in it; weights are left out.

        Raises:
            ValueError: If the input size does not suit the model.
        """
        cfg = Config.fromfile(self.config)
        cfg.merge_from_dict(self.cfg_options)
        backbone, head = cfg.model.backbone, cfg.model.head
        backbone.init_cfg = None
        head.init_classifier = None
        backbone.img_size = self.input_size or backbone.get('img_size', 224)
        head.num_classes = self.classes or head.num_classes
        patch = backbone.get('patch_size', 16)
        if backbone.img_size % patch:
            raise ValueError(f'an input size of {backbone.img_size} is no multiple of the patch size, {patch}')
        return cfg


@dataclass(frozen=True)
class Way:
    """A way to do a workload.

    Args:
        code: ``'baseline'`` or ``'ours'``.
        precision: One of :data:`PRECISIONS`.
        compiled: Whether the model is compiled (``torch.compile``).
    """

    code: str
    precision: str = 'fp32'
    compiled: bool = False

    @property
    def name(self) -> str:
        """Name in tables."""
        return f'{self.code} {self.precision}{", compiled" if self.compiled else ""}'


def build_task(setting: Setting, way: Way) -> Task:
    """Make what a worker runs, in the worker.

    Weights are random, and images noise, the same in each way. Images and
    samples are in memory before a run begins.

    Args:
        setting: The workload.
        way: How to do it.

    Returns:
        A function without arguments.
    """
    quiet()
    cfg = setting.load()
    if way.code == 'ours':  # what Runner and tools set
        set_multi_processing(**cfg.get('env_cfg', {}).get('mp_cfg', {}))
        if setting.device == 'cpu':
            keep_freed_memory()
    return _BUILDERS[way.code, setting.workload](setting, cfg, way)


def quiet() -> None:
    """Let mmengine's logger say errors alone, on this process's terminal."""
    MMLogger.get_instance('mmengine', log_level='ERROR')


# Ours


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
    """Predict, draw boxes and score them in our test loop.

    Args:
        model: The model.
        evaluator: The metrics.
        batches: ``inputs`` and ``data_samples`` of each batch.
        precision: One of :data:`PRECISIONS`.

    Returns:
        The metrics by name.
    """
    images = [sample for batch in batches for sample in batch['data_samples']]
    # As much of a Runner and of a loader as the loop asks for.
    runner: Any = SimpleNamespace(model=model, call_hook=lambda *args, **kwargs: None)
    loader: Any = _Loader(batches)
    loader.dataset = images
    return LocTestLoop(runner, loader, evaluator, amp=precision == 'bf16').run()


class _Loader(list):
    dataset: Sequence


def _our_evaluation(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_model(cfg, setting.device, way.compiled)
    batches = [our_batch(batch) for batch in make_batches(setting, cfg)]
    return partial(evaluate_batches, model, Evaluator([LocAccuracy()]), batches, way.precision)


def _our_prediction(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_model(cfg, setting.device, way.compiled)
    batches = [our_batch(batch) for batch in make_batches(setting, cfg)]

    def predict() -> None:
        for batch in batches:
            with torch.no_grad(), autocast(enabled=way.precision == 'bf16', dtype=torch.bfloat16):
                model.test_step(batch)

    return predict


def _our_training(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_model(cfg, setting.device, way.compiled).train()
    if way.precision == 'bf16':
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batches = [our_batch(batch) for batch in make_batches(setting, cfg)]

    def train() -> None:
        for batch in batches:
            model.train_step(batch, optim_wrapper)

    return train


def _our_loading(setting: Setting, cfg: Config, way: Way) -> Task:
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    pipeline = Compose([TRANSFORMS.build(step) for step in cfg.train_dataloader.dataset.pipeline])
    _use_one_core()

    def load() -> None:
        for _, path in itertools.product(range(setting.batches), setting.files):
            pipeline(dict(img_path=path, gt_label=0))

    return load


# The baseline


def build_plain(cfg: Config, device: str) -> PlainTSCAM:
    """Build the baseline with the weights of :func:`build_model`, without a copy of them."""
    model = build_model(cfg, device)
    plain = plain_like(model)
    plain.load_state_dict(to_reference(model.state_dict()), assign=True)
    # Tensors of a state dict are cut off from training.
    return plain.requires_grad_().eval()


def plain_like(model: ImageClassifier) -> PlainTSCAM:
    """The baseline in the shape of one of our models, on the meta device: without memory for its weights.

    Raises:
        ValueError: If the baseline is not written for such a model.
    """
    backbone, head = model.backbone, model.head
    if not isinstance(backbone, TSCAMDeiT) or not isinstance(head, TSCAMHead):
        raise ValueError(
            f'the baseline is written for TSCAMDeiT with TSCAMHead, not for {type(backbone).__name__} with '
            f'{type(head).__name__}'
        )
    if (
        head.map_mode != 'coupled'
        or backbone.attn_aggregation != 'mean'
        or backbone.attn_layers != list(range(backbone.num_layers))
        or get_protocol(head.protocol, name='tscam', threshold=PROTOCOLS['tscam'].threshold) != PROTOCOLS['tscam']
    ):
        raise ValueError('the baseline is written for coupled maps of all blocks and the protocol tscam')
    with torch.device('meta'):
        plain = PlainTSCAM(
            width=backbone.embed_dims,
            heads=backbone.arch_settings['num_heads'],
            hidden=backbone.arch_settings['feedforward_channels'],
            drop_paths=[getattr(layer.attn.out_drop, 'drop_prob', 0.0) for layer in backbone.layers],
            classes=head.num_classes,
            patch=backbone.patch_embed.projection.kernel_size[0],
            positions=backbone.pos_embed.shape[1],
        )
    shapes = [
        {name: value.shape for name, value in state.items()}
        for state in (to_reference(model.state_dict()), plain.state_dict())
    ]
    if shapes[0] != shapes[1]:
        raise ValueError('the baseline is written for a DeiT without layer scale, other norms or other patches')
    return plain


def count_flops(model: ImageClassifier, input_size: int) -> int:
    """Floating-point operations of a forward pass of one image, two a multiply-accumulate.

    All matrix products and convolutions of the network are counted with
    attention written out, whatever computes it; softmax, norms, GELU, the
    coupling of maps and drawing boxes are not.

    Args:
        model: One of our models, on any device, also meta.
        input_size: Side of the input in pixels.

    Raises:
        ValueError: As :func:`plain_like`.
    """
    plain = plain_like(model).train()  # which couples no maps
    images = torch.empty(1, 3, input_size, input_size, device='meta')
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        plain(images)
    return counter.get_total_flops()


def _plain_evaluation(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_plain(cfg, setting.device)
    batches = make_batches(setting, cfg)
    normalization, threshold = normalization_of(cfg), threshold_of(cfg)

    def evaluate() -> Counter:
        right: Counter = Counter()
        for batch in batches:
            with torch.no_grad():
                logits, maps = model(plain_normalize(batch.images.to(setting.device), **normalization))
            sizes = [ORIGINAL_SIZE] * len(batch.labels)
            scores, maps = logits.cpu().numpy(), maps.cpu().numpy()
            right.update(plain_score(scores, maps, batch.labels, batch.boxes, sizes, threshold)[1])
        return right

    return evaluate


def _plain_prediction(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_plain(cfg, setting.device)
    batches = make_batches(setting, cfg)
    normalization = normalization_of(cfg)

    def predict() -> None:
        for batch in batches:
            with torch.no_grad():
                model(plain_normalize(batch.images.to(setting.device), **normalization))

    return predict


def _plain_training(setting: Setting, cfg: Config, way: Way) -> Task:
    model = build_plain(cfg, setting.device).train()
    arguments = dict(cfg.optim_wrapper.optimizer)
    optimizer = getattr(torch.optim, arguments.pop('type'))(model.parameters(), **arguments)
    batches = make_batches(setting, cfg)
    normalization = normalization_of(cfg)

    def train() -> None:
        for batch in batches:
            images = plain_normalize(batch.images.to(setting.device), **normalization)
            labels = torch.tensor(batch.labels, device=setting.device)
            plain_train_step(model, optimizer, images, labels)

    return train


def _plain_loading(setting: Setting, cfg: Config, way: Way) -> Task:
    load_one = partial(plain_load, **plain_pipeline(cfg.train_dataloader.dataset.pipeline))
    _use_one_core()

    def load() -> None:
        for _, path in itertools.product(range(setting.batches), setting.files):
            load_one(path)

    return load


def plain_pipeline(pipeline: Sequence[dict]) -> dict[str, Any]:
    """Arguments of :func:`~.plain.plain_load` that do what a training pipeline does.

    Raises:
        ValueError: If the pipeline has a step that the baseline has not.
    """
    arguments: dict[str, Any] = dict(resize=None, crop=None, flip=False)
    for step in pipeline:
        kind = step['type'].rpartition('.')[2]
        if kind in ('Resize', 'LoadResizedImage'):
            scale = step['scale']
            arguments['resize'] = (scale, scale) if isinstance(scale, int) else tuple(scale)
        elif kind == 'RandomCrop':
            arguments['crop'] = step['crop_size']
        elif kind == 'RandomFlip':
            arguments['flip'] = True
        elif kind not in ('LoadImageFromFile', 'PackLocInputs'):
            raise ValueError(f'the baseline of load knows nothing of {kind} in the training pipeline: leave load out')
    if arguments['resize'] is None:
        raise ValueError('the baseline of load needs a Resize in the training pipeline: leave load out')
    return arguments


# What both are given


@dataclass(frozen=True)
class Batch:
    """Images and what is known of them.

    Attributes:
        images: ``(B, 3, S, S)`` ``uint8`` RGB.
        labels: True class of each image.
        boxes: True box of each, in the original image.
        first: Index of the first image.
    """

    images: Tensor
    labels: list[int]
    boxes: list[tuple[int, int, int, int]]
    first: int


def make_batches(setting: Setting, cfg: Config) -> list[Batch]:
    """Noise with boxes of every size, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    rng = np.random.default_rng(0)
    size, classes = cfg.model.backbone.img_size, cfg.model.head.num_classes
    batches = []
    for first in range(0, setting.batches * setting.batch_size, setting.batch_size):
        shape = (setting.batch_size, 3, size, size)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        starts = rng.uniform(0, 0.4, (setting.batch_size, 2)) * ORIGINAL_SIZE
        ends = rng.uniform(0.6, 1, (setting.batch_size, 2)) * ORIGINAL_SIZE
        boxes = [tuple(map(int, (*start, *end))) for start, end in zip(starts, ends, strict=True)]
        labels = [index % classes for index in range(first, first + setting.batch_size)]
        batches.append(Batch(images, labels, boxes, first))
    return batches


def our_batch(batch: Batch) -> dict:
    """A batch as our data loader gives it."""
    width, height = ORIGINAL_SIZE
    side = batch.images.shape[-1]
    samples = []
    for index, (label, box) in enumerate(zip(batch.labels, batch.boxes, strict=True), batch.first):
        sample = LocDataSample(
            metainfo=dict(
                img_id=index,
                img_path=f'{index}.jpg',
                ori_shape=(height, width),
                img_shape=(side, side),
                scale_factor=(side / width, side / height),
            )
        )
        sample.set_gt_label(label)
        sample.gt_instances = InstanceData(bboxes=torch.tensor([box], dtype=torch.float32))
        samples.append(sample)
    return dict(inputs=batch.images.flip(1), data_samples=samples)  # BGR, as OpenCV reads


@contextmanager
def image_files(cfg: Config, count: int = _LOADED_IMAGES) -> Iterator[tuple[str, ...]]:
    """Image files to load: the first of the config's training set, or generated ones where that is not there.

    Yields:
        Paths of ``count`` files; generated ones are removed in the end.
    """
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    with tempfile.TemporaryDirectory(prefix='benchmark_') as folder:
        try:
            dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []})
            paths = [dataset.get_data_info(index)['img_path'] for index in range(min(len(dataset), count))]
        except FileNotFoundError:
            paths = draw_images(Path(folder), count)
        yield tuple(itertools.islice(itertools.cycle(paths), count))


def draw_images(folder: Path, count: int) -> list[str]:
    """Write JPEGs of smooth noise; return their paths."""
    rng = np.random.default_rng(0)
    paths = [str(folder / f'{index}.jpg') for index in range(count)]
    for path in paths:
        pixels = rng.integers(256, size=(ORIGINAL_SIZE[1] // 4, ORIGINAL_SIZE[0] // 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(ORIGINAL_SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


def _use_one_core() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if hasattr(os, 'sched_setaffinity'):  # Linux alone
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def normalization_of(cfg: Config) -> dict[str, Sequence[float]]:
    """Mean and deviation of each colour."""
    return dict(mean=cfg.model.data_preprocessor.mean, std=cfg.model.data_preprocessor.std)


def threshold_of(cfg: Config) -> float:
    """The threshold with which the head draws boxes."""
    return get_protocol(cfg.model.head.get('protocol', 'tscam'), threshold=cfg.model.head.get('threshold')).threshold


_BUILDERS: dict[tuple[str, str], Callable[[Setting, Config, Way], Task]] = {
    ('ours', 'evaluate'): _our_evaluation,
    ('ours', 'train'): _our_training,
    ('ours', 'predict'): _our_prediction,
    ('ours', 'load'): _our_loading,
    ('baseline', 'evaluate'): _plain_evaluation,
    ('baseline', 'train'): _plain_training,
    ('baseline', 'predict'): _plain_prediction,
    ('baseline', 'load'): _plain_loading,
}
