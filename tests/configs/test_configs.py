import warnings
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.datasets import SAMPLE_CLASSES
from mmtscam.registry import DATASETS, METRICS, MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = sorted(path.name for path in CONFIGS.glob('*.py'))
CUB_NAMES = [name for name in NAMES if '_cub' in name]


def load(name):
    return Config.fromfile(CONFIGS / name)


def test_the_demanded_configs_are_there():
    assert [f'tscam_deit-{size}_cub{recipe}.py' for size in 'bst' for recipe in ('', '_released')] == CUB_NAMES


@pytest.mark.parametrize('name', NAMES)
def test_model_builds_and_runs(name):
    cfg = load(name)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    build_optim_wrapper(model, cfg.optim_wrapper)
    model.eval()
    size = cfg.model.backbone.img_size
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, size, size))
    assert logits.shape == (1, cfg.model.head.num_classes)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('loader', ['train_dataloader', 'val_dataloader', 'test_dataloader'])
def test_data_set_builds(name, loader, sample_set):
    dataset_cfg = load(name)[loader].dataset
    dataset_cfg.dataset.data_root = str(sample_set)
    if folder := dataset_cfg.dataset.type == 'mmpretrain.CustomDataset':
        assert dataset_cfg.dataset.data_prefix == ('train' if loader == 'train_dataloader' else 'test')
        dataset_cfg.dataset.data_prefix = 'images'
    dataset = DATASETS.build(dataset_cfg)
    assert len(dataset) == (40 if folder else 24 if loader == 'train_dataloader' else 16)
    assert len(dataset.metainfo['classes']) == (200 if name in CUB_NAMES else 8)
    item = dataset[0]
    size = load(name).model.backbone.img_size
    assert item['inputs'].shape == (3, size, size)
    assert item['inputs'].dtype == torch.uint8
    # Training sees no boxes.
    assert ('gt_instances' in item['data_samples']) == (loader != 'train_dataloader' and not folder)


@pytest.mark.parametrize('name', NAMES)
def test_evaluators_build(name):
    cfg = load(name)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
            METRICS.build(metric)
    # What decides on the best checkpoint is measured.
    prefix = cfg.default_hooks.checkpoint.save_best.split('/')[0]
    assert prefix in ('tscam', 'accuracy')


@pytest.mark.parametrize('name', CUB_NAMES)
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


def test_released_recipe_decays_weights_alone():
    cfg = load('tscam_deit-t_cub_released.py')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decays = {id(parameter): group['weight_decay'] for group in groups for parameter in group['params']}
    for name, parameter in model.named_parameters():
        exempt = parameter.ndim == 1 or name.endswith(('bias', 'cls_token', 'pos_embed'))
        assert decays[id(parameter)] == (0.0 if exempt else 0.05), name


def test_original_weights_are_named():
    for name in CUB_NAMES:
        checkpoint = load(name).model.backbone.init_cfg.checkpoint
        assert checkpoint.startswith('https://dl.fbaipublicfiles.com/deit/deit_')


def test_sample_classes_are_the_generators():
    assert tuple(load('tscam_vit-mini_sample.py').classes) == SAMPLE_CLASSES
