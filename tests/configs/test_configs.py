import itertools
import warnings
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmtscam.datasets import SAMPLE_CLASSES
from mmtscam.registry import METRICS, MODELS, PARAM_SCHEDULERS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
# Detectors of mmdet need compiled ops: tests/with_mmdet/test_detector_configs.py.
NAMES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'comparisons', 'mmdet'} & {*path.relative_to(CONFIGS).parts}
)
RECIPES = [f'tscam_deit-{size}_cub{recipe}.py' for size in 'bst' for recipe in ('', '_released')]


def load(name):
    return Config.fromfile(CONFIGS / name)


def without_weights(cfg):
    """The config's model, with nothing to be downloaded."""
    model = cfg.model.copy()
    classifier = model.get('classifier', {})
    for part in (model.backbone, model.backbone.get('backbone'), classifier, classifier.get('backbone')):
        if part:
            part.pop('init_cfg', None)
    model.head.pop('init_classifier', None)
    return model


def on_the_sample_set(cfg, loader, sample_set):
    """A loader of the config with its own pipeline, on two images of the sample set."""
    loader = cfg[loader].copy()
    dataset = loader.dataset
    split = 'train' if loader == cfg.train_dataloader else 'test'
    dataset.dataset = dict(type='mmpretrain.CUB', data_root=str(sample_set), split=split)
    dataset.metainfo = dict(classes=[f'class {index}' for index in range(cfg.model.head.num_classes)])
    if dataset.get('boxes'):
        dataset.boxes = dict(type='CUBBoxes')
    dataset.pop('masks', None)
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    return Runner.build_dataloader(loader, seed=0)


def test_the_papers_systems_are_there():
    paper = {f'tscam_deit-{size}_cub.py' for size in 'ts'} | {
        'tscam_deit-b-384_cub_released.py',
        'tscam_conformer-s_cub_released.py',
        'tscam_deit-s_ilsvrc.py',
        'ablations/transattention_deit-s_cub.py',
        'ablations/transattention_deit-s_ilsvrc.py',
        'ablations/transcam_deit-s_cub.py',
        'ablations/transcam_deit-s_ilsvrc.py',
        *(f'ablations/tscam_deit-s_layers-{layers}_cub.py' for layers in range(8, 12)),
        *(f'cam/cam_{network}_cub.py' for network in ('vgg16', 'googlenet')),
        *(f'cam/cam_{network}_ilsvrc.py' for network in ('vgg16', 'inceptionv3')),
    }
    assert paper <= set(NAMES)
    assert set(RECIPES) <= set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_trains_a_step_and_predicts(name, sample_set):
    cfg = load(name)
    model = MODELS.build(without_weights(cfg))
    model.init_weights()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    # A key of custom_keys, such as 'head', is looked for anywhere in a name: conv_head of EfficientNet has it too.
    rates = {id(value): group['lr'] for group in optim_wrapper.param_groups for value in group['params']}
    backbone = {key: rates[id(value)] for key, value in model.backbone.named_parameters() if id(value) in rates}
    assert not [key for key, rate in backbone.items() if 'head' in key and rate > min(backbone.values())]

    before = {key: value.detach().clone() for key, value in model.head.named_parameters()}

    predicted = 'boxes' in cfg.train_dataloader.dataset
    if predicted:  # a second round, on boxes of the first
        assert cfg.train_dataloader.dataset.boxes == dict(type='COCOBoxes', ann_file='pseudo_boxes.json')
    loader = on_the_sample_set(cfg, 'train_dataloader', sample_set)
    batch = next(iter(loader))
    # Training sees no true boxes.
    assert predicted or all('gt_instances' not in sample for sample in batch['data_samples'])
    model.train()
    losses = model.train_step(batch, optim_wrapper)
    assert torch.isfinite(losses['loss'])
    changed = [key for key, value in model.head.named_parameters() if not torch.equal(value, before[key])]
    assert changed or not before  # a head without parameters

    evaluation = on_the_sample_set(cfg, 'val_dataloader', sample_set)
    if not name.startswith('trilite/'):  # which is tested on larger images
        size = batch['inputs'][0].shape
        assert all(image.shape == size for image in next(iter(evaluation))['inputs'])
    model.eval()
    for sample in model.val_step(next(iter(evaluation))):
        assert sample.pred_score.shape == (cfg.model.head.num_classes,)
        if 'pred_instances' in sample:  # a plain classifier draws none
            height, width = sample.ori_shape
            assert len(sample.pred_instances) == min(5, cfg.model.head.num_classes)
            assert bool((sample.pred_instances.bboxes <= torch.tensor([width, height, width, height])).all())
            for metric in itertools.chain(cfg.val_evaluator, cfg.test_evaluator):
                assert metric.get('map_kind', 'maps') in sample.class_maps


@pytest.mark.parametrize('name', NAMES)
def test_evaluators_build(name):
    cfg = load(name)
    for evaluator in (cfg.test_evaluator, cfg.val_evaluator):
        evaluator = evaluator if isinstance(evaluator, list) else [evaluator]
        metrics = {metric.prefix or metric.default_prefix: metric for metric in map(METRICS.build, evaluator)}
        assert len(metrics) == len(evaluator)
    # Validation measures the figure that decides on the best checkpoint.
    prefix, figure = cfg.default_hooks.checkpoint.save_best.split('/')
    measured = {
        'LocAccuracy': 'loc_top1', 'Accuracy': 'top1', 'PixelAP': 'pxap', 'MaxBoxAcc': 'maxboxacc_oracle'
    }  # fmt: skip
    assert measured[type(metrics[prefix]).__name__] == figure


@pytest.mark.parametrize('name', RECIPES)
def test_recipe(name):
    cfg = load(name)
    released = name.endswith('_released.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == 'AdamW'
    assert (optimizer.lr, optimizer.eps) == (5e-5, 1e-8)
    assert optimizer.betas == ((0.9, 0.999) if released else (0.9, 0.99))
    assert optimizer.weight_decay == (0.05 if released else 5e-4)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (60, 128)
    assert cfg.model.head.init == ('default' if released else 'he')
    assert (cfg.model.head.threshold, cfg.model.backbone.drop_path_rate) == (0.1, 0.1)
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert ('RandomFlip' in steps) == released
    assert bool(cfg.param_scheduler) == released


@pytest.mark.parametrize(('name', 'epochs', 'batch'), [('', 12, 256), ('_released', 20, 256)])
def test_recipe_for_ilsvrc(name, epochs, batch):
    cfg = load(f'tscam_deit-s_ilsvrc{name}.py')
    assert cfg.optim_wrapper.optimizer.lr == 5e-4
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (epochs, batch)
    assert cfg.auto_scale_lr.base_batch_size == batch
    assert (cfg.model.head.num_classes, cfg.model.head.threshold) == (1000, 0.12)
    assert cfg.model.head.get('init_classifier') == (cfg.model.backbone.init_cfg.checkpoint if name else None)


@pytest.mark.parametrize(
    ('name', 'lowered'),
    [
        ('tscam_deit-s_cub.py', []),
        ('tscam_deit-s_cub_released.py', [30, 60]),
        ('tscam_deit-s_ilsvrc.py', []),
        ('tscam_deit-s_ilsvrc_released.py', [10, 12, 20]),
        ('cam/cam_vgg16_cub.py', [15, 30, 45]),
        ('cam/cam_vgg16_ilsvrc.py', [3, 6, 9]),
    ],
)
def test_learning_rate_of_each_epoch(name, lowered):
    """Epochs are counted from one, as the reference codes do, which lower the rate before the epoch."""
    cfg = load(name)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = cfg.param_scheduler if isinstance(cfg.param_scheduler, list) else [cfg.param_scheduler]
    schedulers = [PARAM_SCHEDULERS.build(dict(optimizer=optimizer, **scheduler)) for scheduler in schedulers]
    for epoch in range(1, cfg.train_cfg.max_epochs + 1):
        expected = cfg.optim_wrapper.optimizer.lr * 0.1 ** sum(epoch >= first for first in lowered)
        assert optimizer.param_groups[0]['lr'] == pytest.approx(expected), epoch
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()


def test_released_recipe_decays_weights_alone():
    cfg = load('tscam_deit-t_cub_released.py')
    model = MODELS.build(without_weights(cfg))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decays = {id(parameter): group['weight_decay'] for group in groups for parameter in group['params']}
    for name, parameter in model.named_parameters():
        exempt = parameter.ndim == 1 or name.endswith(('bias', 'cls_token', 'pos_embed'))
        assert decays[id(parameter)] == (0.0 if exempt else 0.05), name


@pytest.mark.parametrize('name', [name for name in NAMES if 'deit-' in name])
def test_original_weights_are_named(name):
    checkpoint = load(name).model.backbone.init_cfg.checkpoint
    assert checkpoint.startswith('https://dl.fbaipublicfiles.com/deit/deit_')


@pytest.mark.parametrize(
    ('name', 'attended'),
    [
        *((f'tscam_deit-s_layers-{layers}_cub.py', list(range(layers))) for layers in range(8, 12)),
        ('tscam_deit-s_last-layer_cub.py', [11]),
        ('tscam_deit-s_rollout_cub.py', list(range(12))),
        ('transattention_deit-s_cub.py', list(range(12))),
    ],
)
def test_ablations_attend_to_their_blocks(name, attended):
    backbone = MODELS.build(without_weights(load(f'ablations/{name}')).backbone)
    assert backbone.attn_layers == attended
    assert backbone.attn_aggregation == ('rollout' if 'rollout' in name else 'mean')


def test_sample_classes_are_the_generators():
    assert tuple(load('tscam_vit-mini_sample.py').classes) == SAMPLE_CLASSES
