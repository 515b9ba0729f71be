"""Configs of RCAM, EIL, MEIL and SPA."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.registry import METRICS, MODELS
from mmtscam.structures import LocDataSample

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cam'
CLASSES = 5


class Recipe(NamedTuple):
    """Rate and weight decay of backbone, hidden layers and last layer; when rates fall; epochs and batch."""

    backbone: tuple[float, float]
    hidden: tuple[float, float]
    last: tuple[float, float]
    milestones: list[int]
    epochs: int
    batch: int


RCAM = Recipe((3e-4, 5e-3), (3e-3, 5e-4), (3e-3, 5e-4), [60, 120, 180], 200, 40)
RCAM_ILSVRC = Recipe((0.01, 1e-4), (0.1, 1e-4), (0.1, 1e-4), [2, 5, 8], 10, 32)
EIL = Recipe((1e-3, 1e-4), (1e-3, 1e-4), (1e-2, 1e-4), [60], 80, 64)
SPA = Recipe((1e-3, 5e-4), (1e-2, 5e-4), (1e-2, 5e-4), [80], 100, 30)
EIL_ILSVRC = EIL._replace(milestones=[4, 7], epochs=10)
SPA_ILSVRC = SPA._replace(milestones=[10, 15], epochs=20, batch=16)
RECIPES = {
    'rcam_vgg16_cub': RCAM,
    'rcam_googlenet_cub': RCAM,
    'rcam_vgg16_ilsvrc': RCAM_ILSVRC,
    'rcam_googlenet_ilsvrc': RCAM_ILSVRC,
    'eil_vgg16_cub': EIL,
    'eil_vgg16_ilsvrc': EIL_ILSVRC,
    'meil_vgg16_cub': EIL,
    'meil_vgg16_ilsvrc': EIL_ILSVRC,
    'meil_inceptionv3_ilsvrc': EIL_ILSVRC,
    'spa_vgg16_cub': SPA,
    'spa_inceptionv3_cub': SPA,
    'spa_vgg16_ilsvrc': SPA_ILSVRC,
    'spa_inceptionv3_ilsvrc': SPA_ILSVRC,
}
LOSSES = {
    'rcam': ['loss'],
    'eil': ['loss_cls', 'loss_erased_1'],
    'meil': ['loss_cls', 'loss_erased_1', 'loss_erased_2'],
    'spa': ['loss_cls', 'loss_ra'],
}


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def build(cfg):
    """The model with few classes; its weights are not loaded."""
    cfg.model.head.num_classes = CLASSES
    return MODELS.build(cfg.model)


def make_batch():
    samples = [LocDataSample(metainfo=dict(ori_shape=(48, 80))).set_gt_label(label) for label in (1, 4)]
    return dict(inputs=[torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8) for _ in samples], data_samples=samples)


@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.slow
def test_one_step_and_one_prediction(name):
    cfg = load(name)
    if name.startswith('spa'):
        cfg.model.head.start = 0
    model = build(cfg)
    model.train()
    losses = model(**model.data_preprocessor(make_batch(), training=True), mode='loss')
    assert list(losses) == LOSSES[name.split('_')[0]]
    assert all(loss > 0 for loss in losses.values())
    model.parse_losses(losses)[0].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key

    model.eval()
    for sample in model.test_step(make_batch()):
        assert sample.pred_instances.bboxes.shape == (CLASSES, 4)
        assert bool(torch.isfinite(sample.class_maps.maps).all())
        assert bool((sample.pred_instances.bboxes <= torch.tensor([80, 48, 80, 48])).all())
        rcam = name.startswith('rcam')
        drawn = (sample.class_maps.protocol, sample.class_maps.threshold)
        assert drawn == (('rcam', 0.35) if rcam else ('tscam', 0.2))


@pytest.mark.parametrize('name', RECIPES)
def test_recipe(name):
    cfg, recipe = load(name), RECIPES[name]
    assert cfg.model.head.num_classes == (1000 if name.endswith('ilsvrc') else 200)
    model = build(cfg)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    ours = {id(parameter): (group['lr'], group['weight_decay']) for group in groups for parameter in group['params']}
    last = f'head.classifier.{len(model.head.classifier) - 1}.'
    for key, parameter in model.named_parameters():
        part = 'backbone' if key.startswith('backbone.') else 'last' if key.startswith(last) else 'hidden'
        rate, decay = getattr(recipe, part)
        # SPA's authors train biases twice as fast.
        rate *= 2 if name.startswith('spa') and key.endswith('.bias') else 1
        assert ours[id(parameter)] == pytest.approx((rate, decay)), key
    assert {(group['momentum'], group['nesterov']) for group in groups} == {(0.9, True)}
    assert (cfg.param_scheduler.milestones, cfg.train_cfg.max_epochs) == (recipe.milestones, recipe.epochs)
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (recipe.batch, recipe.batch)


@pytest.mark.parametrize('name', RECIPES)
def test_what_is_scored(name):
    cfg = load(name)
    rules = 'rcam' if name.startswith('rcam') else 'tscam'
    metrics = [METRICS.build(metric) for metric in cfg.test_evaluator]
    assert [type(metric).__name__ for metric in metrics][-2:] == ['LocAccuracy', 'MaxBoxAcc']
    assert cfg.val_evaluator == cfg.test_evaluator[:1] == [dict(type='LocAccuracy', protocol=rules)]
    assert cfg.default_hooks.checkpoint.save_best == f'{rules}/loc_top1'


@pytest.mark.parametrize(
    ('name', 'widths'),
    [
        ('rcam_vgg16_cub', (1024,)),
        ('rcam_googlenet_cub', (1024,)),
        ('meil_inceptionv3_ilsvrc', (1024,)),
        ('spa_vgg16_cub', (1024, 1024)),
        ('spa_inceptionv3_ilsvrc', (1024, 1024)),
    ],
)
def test_hidden_layers(name, widths):
    classifier = build(load(name)).head.classifier
    assert tuple(conv.out_channels for conv in classifier[:-1] if isinstance(conv, torch.nn.Conv2d)) == widths
    # The Inception network of CAM alone has dropout.
    dropouts = sum(isinstance(layer, torch.nn.Dropout) for layer in classifier)
    assert dropouts == (2 if name.startswith('meil_inception') else 0)


@pytest.mark.parametrize('name', [name for name in RECIPES if 'eil' in name])
def test_places_of_erasing(name):
    """A stream begins after the pooling that conv5 follows, and in MEIL another one after the last layer."""
    backbone = build(load(name)).backbone
    places = [layer for layer, module in backbone.named_modules() if module._forward_hooks]
    if 'inception' in name:
        assert places == ['Mixed_6a', 'Mixed_6e']
    else:
        layers = list(backbone.features)
        assert isinstance(layers[13], torch.nn.MaxPool2d)
        assert len(layers) == 17
        assert places == ['features.13', 'features.16'][: 2 if name.startswith('meil') else 1]


@pytest.mark.parametrize('name', ['rcam_vgg16_cub', 'meil_vgg16_cub'])
def test_checkpoints_fit_plain_cam(name):
    ours, cam = build(load(name)), build(load('cam_vgg16_cub'))
    cam.load_state_dict(ours.state_dict())
    ours.load_state_dict(cam.state_dict())
