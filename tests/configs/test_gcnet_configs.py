"""Configs of GC-Net."""

from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.registry import METRICS, MODELS
from mmtscam.structures import LocDataSample

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cam'
# Millions of parameters with the classifier, and of those that are trained; the last layer.
SIZES = {
    'gcnet_efficientnet-lite0_cub10': (6.76, 3.38, 'head.fc.'),
    'gcnet_vgg16_cub': (153.92, 134.28, 'backbone.classifier.6.'),
    'gcnet_inceptionv3_ilsvrc': (45.63, 21.80, 'head.fc.'),
}
CLASSES = 5


@cache
def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


@cache
def build(name):
    return MODELS.build(load(name).copy().model)


def make_batch(side):
    samples = [LocDataSample(metainfo=dict(ori_shape=(48, 80))).set_gt_label(label) for label in (1, 4)]
    images = [torch.randint(0, 256, (3, side, side), dtype=torch.uint8) for _ in samples]
    return dict(inputs=images, data_samples=samples)


# The whole VGG16 takes no smaller images: test_configs.py trains it for a step.
@pytest.mark.parametrize('name', ['gcnet_efficientnet-lite0_cub10', 'gcnet_inceptionv3_ilsvrc'])
@pytest.mark.slow
def test_one_step_and_one_prediction(name):
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    cfg.model.head.num_classes = cfg.model.classifier.head.num_classes = CLASSES
    model = MODELS.build(cfg.model)
    model.train()
    losses = model(**model.data_preprocessor(make_batch(96), training=True), mode='loss')
    assert list(losses) == ['loss_object', 'loss_background', 'loss_area', 'area']
    assert losses['loss_area'].item() == pytest.approx(2.5 * losses['area'].item())
    model.parse_losses(losses)[0].backward()
    for key, parameter in model.named_parameters():
        if key.startswith('classifier.'):
            assert parameter.grad is None, key
        else:
            assert bool(torch.isfinite(parameter.grad).all()), key

    model.eval()
    for sample in model.test_step(make_batch(96)):
        assert sample.pred_instances.bboxes.shape == (CLASSES, 4)
        assert len({tuple(box) for box in sample.pred_instances.bboxes.tolist()}) == 1
        assert sample.class_maps.maps.shape == (CLASSES, 96, 96)
        assert (sample.class_maps.protocol, sample.class_maps.threshold) == ('tscam', 0.5)


@pytest.mark.parametrize('name', SIZES)
def test_recipe(name):
    cfg, model = load(name), build(name)
    last = SIZES[name][2]
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer) is torch.optim.Adam
    rates = {id(each): group['lr'] for group in optimizer.param_groups for each in group['params']}
    assert {group['weight_decay'] for group in optimizer.param_groups} == {0}
    for key, parameter in model.named_parameters():
        if not key.startswith('classifier.'):
            faster = 10 if key.startswith((last, 'head.generator.')) else 1
            twice = 2 if key.endswith('.bias') else 1
            assert rates[id(parameter)] == pytest.approx(1e-4 * faster * twice), key
    ten = name.endswith('cub10')
    batch = 16 if ten else 32
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (batch, batch)
    assert cfg.train_cfg.max_epochs == (8 if ten else 30)
    schedule = cfg.param_scheduler
    assert schedule.get('milestones') == [6] if ten else (schedule.begin, schedule.end) == (20, 30)


@pytest.mark.parametrize('name', SIZES)
def test_size_and_parts(name):
    model = build(name)
    for expected, chosen in zip(SIZES[name], (True, False), strict=False):
        parameters = [each for each in model.parameters() if chosen or each.requires_grad]
        assert round(sum(each.numel() for each in parameters) / 1e6, 2) == expected
    assert type(model.head.generator).__name__ == 'EllipseMask'
    assert model.classifier.head.num_classes == model.head.num_classes
    assert (model.object_weight, model.background_weight, model.area_weight) == (1, 1, 2.5)


@pytest.mark.parametrize(
    ('name', 'of'),
    [('gcnet_efficientnet-lite0_cub10', 'cam_efficientnet-lite0_cub10'), ('gcnet_vgg16_cub', 'cam_vgg16_cub')],
)
def test_the_classifier_is_the_model_of_another_config(name, of):
    cfg, trained = load(name), Config.fromfile(FOLDER / f'{of}.py')
    file = Path(cfg.model.classifier.init_cfg.checkpoint)
    assert file == Path('work_dirs', of, f'epoch_{trained.train_cfg.max_epochs}.pth')
    build(name).classifier.load_state_dict(MODELS.build(trained.model).state_dict())
    # Which sees the same images.
    assert cfg.model.data_preprocessor == trained.model.data_preprocessor


def test_inception_sees_whole_images_of_its_own_size():
    cfg = load('gcnet_inceptionv3_ilsvrc')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        steps = loader.dataset.pipeline
        assert [step.scale for step in steps if 'scale' in step] == [(299, 299)]
        assert not any('Crop' in step.type for step in steps)


@pytest.mark.parametrize('name', SIZES)
def test_what_is_scored(name):
    cfg = load(name)
    metrics = [METRICS.build(metric) for metric in cfg.test_evaluator]
    assert [type(metric).__name__ for metric in metrics] == ['LocAccuracy', 'MaxBoxAcc']
    assert cfg.val_evaluator == cfg.test_evaluator[:1] == [dict(type='LocAccuracy', protocol='tscam')]
    assert cfg.default_hooks.checkpoint.save_best == 'tscam/loc_top1'
