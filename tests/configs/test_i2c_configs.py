from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.registry import METRICS, MODELS
from mmtscam.structures import LocDataSample

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cam'
CLASSES = 5
AUTHORS = [f'i2c_{net}_{data}' for net in ('vgg16', 'inceptionv3') for data in ('cub', 'ilsvrc')]
NAMES = [*AUTHORS, 'i2c_efficientnet-lite0_cub10']


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def build(cfg):
    """The model with few classes; its weights are not loaded."""
    cfg.model.head.num_classes = CLASSES
    return MODELS.build(cfg.model)


def make_batch():
    """A pair of one class."""
    samples = [LocDataSample(metainfo=dict(ori_shape=(48, 80))).set_gt_label(4) for _ in range(2)]
    return dict(inputs=[torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8) for _ in samples], data_samples=samples)


@pytest.mark.parametrize('name', [name for name in NAMES if 'ilsvrc' not in name])
@pytest.mark.slow
def test_one_step_and_one_prediction(name):
    model = build(load(name))
    model.train()
    for first in (True, False):
        losses = model(**model.data_preprocessor(make_batch(), training=True), mode='loss')
        assert list(losses) == ['loss_cls', 'loss_local', 'loss_global']
        assert losses['loss_local'] > 0
        assert (losses['loss_global'] == 0) == first  # then the class has a centre
    model.parse_losses(losses)[0].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key
    assert model.head.counts.tolist() == [0, 0, 0, 0, 2]

    model.eval()
    for sample in model.test_step(make_batch()):
        assert sample.pred_instances.bboxes.shape == (CLASSES, 4)
        side = 4 if 'efficientnet' in name else 8
        assert sample.class_maps.maps.shape == (CLASSES, side, side)
        assert bool(torch.isfinite(sample.class_maps.maps).all())
        assert bool((sample.pred_instances.bboxes <= torch.tensor([80, 48, 80, 48])).all())
        assert sample.class_maps.threshold == 0.2


@pytest.mark.parametrize('name', AUTHORS)
def test_recipe(name):
    cfg = load(name)
    assert cfg.model.head.num_classes == (1000 if 'ilsvrc' in name else 200)
    model = build(cfg)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    rates = {id(parameter): group['lr'] for group in groups for parameter in group['params']}
    for key, parameter in model.named_parameters():
        rate = (2e-3 if key.endswith('.bias') else 1e-3) * (10 if key.startswith('head.') else 1)
        assert rates[id(parameter)] == pytest.approx(rate), key
    assert {(group['momentum'], group['nesterov'], group['weight_decay']) for group in groups} == {(0.9, True, 5e-4)}
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (80, 80)
    epochs = (cfg.param_scheduler.milestones, cfg.train_cfg.max_epochs)
    assert epochs == (([2, 3, 4], 5) if 'ilsvrc' in name else ([80], 100))
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'
    layers = [type(layer).__name__ for layer in model.head.classifier]
    assert layers == [*['Dropout', 'Conv2d', 'ReLU'] * 2, 'Dropout', 'SemanticConv']
    assert {layer.p for layer in model.head.classifier if isinstance(layer, torch.nn.Dropout)} == {0.5}
    assert [model.head.classifier[place].out_channels for place in (1, 4)] == [1024, 1024]
    head = model.head
    settings = (head.num_pixels, head.high, head.local_weight, head.global_weight, head.decay)
    assert settings == (3, 0.7, 0.008, 0.001, 0.002)


def test_ten_classes_have_the_recipe_of_the_others():
    ours, cam = load('i2c_efficientnet-lite0_cub10'), load('cam_efficientnet-lite0_cub10')
    assert {**ours.model.head, 'type': 'CAMHead'} == cam.model.head
    assert {**ours.train_dataloader, 'sampler': cam.train_dataloader.sampler} == cam.train_dataloader
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr', 'test_dataloader'):
        assert ours[key] == cam[key]


@pytest.mark.parametrize('name', NAMES)
def test_pairs_and_scores(name):
    cfg = load(name)
    assert cfg.train_dataloader.sampler == dict(type='ClassPairSampler', shuffle=True)
    assert cfg.train_dataloader.batch_size % 2 == 0
    assert [type(METRICS.build(metric)).__name__ for metric in cfg.test_evaluator] == ['LocAccuracy', 'MaxBoxAcc']
    assert cfg.default_hooks.checkpoint.save_best == 'tscam/loc_top1'


def test_poolings_of_vgg():
    """3x3, and of stride 1 at last."""
    backbone = build(load('i2c_vgg16_cub')).backbone
    pools = [layer for layer in backbone.modules() if isinstance(layer, torch.nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride, pool.padding) for pool in pools] == [(3, 2, 1)] * 3 + [(3, 1, 1)] * 2


@pytest.mark.parametrize('name', ['i2c_vgg16_cub', 'i2c_inceptionv3_cub'])
def test_cam_to_start_from(name):
    """Comments are right: the same config trains it, and its weights fit."""
    ours, cfg = build(load(name)), load(name)
    cfg.merge_from_dict({'model.head.type': 'CAMHead', 'train_dataloader.sampler.type': 'DefaultSampler'})
    assert cfg.train_dataloader.sampler == dict(type='DefaultSampler', shuffle=True)
    cam = build(cfg)
    ours.load_state_dict(cam.state_dict())
    assert torch.equal(ours.head.classifier[1].weight, cam.head.classifier[1].weight)


def test_spg_s_cam_is_of_the_same_shape():
    build(load('i2c_inceptionv3_ilsvrc')).load_state_dict(build(load('cam_inceptionv3-spg_ilsvrc')).state_dict())


@pytest.mark.slow
def test_size_of_vgg():
    """With 200 classes; that of InceptionV3 is SPG's."""
    from mmtscam.speed import model_complexity

    size = model_complexity(load('i2c_vgg16_cub'), (224, 224))
    assert (round(size['params'] / 1e6, 1), round(size['macs'] / 1e9, 1)) == (29.1, 30.8)
