from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.registry import DATASETS, METRICS, MODELS
from mmtscam.structures import LocDataSample

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cam'
CLASSES = 5
# With the recipe of the WSOL benchmark.
BENCHMARK = (
    *(f'cam_{net}_cub' for net in ('googlenet', 'inceptionv3', 'resnet50', 'vgg16')),
    *(f'cam_{net}_ilsvrc' for net in ('inceptionv3', 'resnet50', 'vgg16')),
    *(f'{method}_vgg16_cub' for method in ('acol', 'adl', 'cutmix', 'has', 'spg')),
    *(f'{method}_vgg16_ilsvrc' for method in ('adl', 'cutmix')),
    'adl_resnet50_cub',
    'adl_inceptionv3_cub',
    'adl_inceptionv3_ilsvrc',
)
# With their authors' recipes: base rate, how much faster the head learns, epochs and batch.
AUTHORS = {
    'cam_vgg16-danet_cub': (1e-3, 10, 100, 30),
    'cam_inceptionv3-danet_cub': (1e-3, 10, 100, 30),
    'cam_inceptionv3-spg_ilsvrc': (1e-3, 1, 5, 20),
    'spg_inceptionv3_cub': (1e-3, 1, 100, 30),
    'spg_inceptionv3_ilsvrc': (1e-3, 1, 5, 20),
    'acol_vgg16_ilsvrc': (1e-4, 10, 6, 20),
    'acol_googlenet_ilsvrc': (1e-4, 10, 6, 20),
}
NAMES = (*BENCHMARK, *AUTHORS)


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def build(cfg):
    """The model with few classes; its weights are not loaded."""
    cfg.model.head.num_classes = CLASSES
    if 'num_classes' in cfg.model.data_preprocessor:
        cfg.model.data_preprocessor.num_classes = CLASSES
    return MODELS.build(cfg.model)


def make_batch():
    samples = [LocDataSample(metainfo=dict(ori_shape=(48, 80))).set_gt_label(label) for label in (1, 4)]
    return dict(inputs=[torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8) for _ in samples], data_samples=samples)


def innermost(backbone):
    return backbone.get('backbone', backbone)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.slow
def test_one_step_and_one_prediction(name):
    model = build(load(name))
    model.train()
    data = model.data_preprocessor(make_batch(), training=True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    assert bool(torch.isfinite(loss))
    loss.backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key

    model.eval()
    for sample in model.test_step(make_batch()):
        assert sample.pred_instances.bboxes.shape == (CLASSES, 4)
        assert bool(torch.isfinite(sample.class_maps.maps).all())
        assert bool((sample.pred_instances.bboxes <= torch.tensor([80, 48, 80, 48])).all())
        assert sample.class_maps.threshold == 0.2


@pytest.mark.parametrize(
    ('name', 'side'),
    [
        ('cam_vgg16_cub', 4),
        ('cam_resnet50_cub', 4),
        ('cam_googlenet_cub', 4),
        ('cam_inceptionv3_cub', 8),
        ('cam_inceptionv3-danet_cub', 2),
    ],
)
def test_size_of_the_maps(name, side):
    model = build(load(name)).eval()
    (sample, _) = model.test_step(make_batch())
    assert sample.class_maps.maps.shape[-2:] == (side, side)


@pytest.mark.parametrize('name', BENCHMARK)
def test_recipe(name):
    cfg = load(name)
    model = build(cfg)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    rates = {id(parameter): group['lr'] for group in groups for parameter in group['params']}
    for key, parameter in model.named_parameters():
        fast = key.startswith('head.') or (key.startswith('backbone.layer4.') and 'resnet50' in name)
        assert rates[id(parameter)] == pytest.approx(0.1 if fast else 0.01), key
    assert {(group['momentum'], group['nesterov'], group['weight_decay']) for group in groups} == {(0.9, True, 1e-4)}
    epochs = 10 if 'ilsvrc' in name else 50
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (epochs, 32)
    assert cfg.auto_scale_lr.base_batch_size == 32
    assert load(name).model.head.num_classes == (1000 if 'ilsvrc' in name else 200)
    assert innermost(cfg.model.backbone).init_cfg.type == 'Pretrained'


@pytest.mark.parametrize('name', AUTHORS)
def test_recipe_of_authors(name):
    base, faster, epochs, batch = AUTHORS[name]
    cfg = load(name)
    model = build(cfg)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    rates = {id(parameter): group['lr'] for group in groups for parameter in group['params']}
    for key, parameter in model.named_parameters():
        twice = 2 if key.endswith('.bias') else 1
        assert rates[id(parameter)] == pytest.approx(base * twice * (faster if key.startswith('head.') else 1)), key
    assert {(group['momentum'], group['nesterov'], group['weight_decay']) for group in groups} == {(0.9, True, 5e-4)}
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (epochs, batch)
    assert cfg.auto_scale_lr.base_batch_size == batch
    assert (cfg.param_scheduler and cfg.param_scheduler.milestones) == ([80] if epochs == 100 else [])
    assert load(name).model.head.num_classes == (1000 if 'ilsvrc' in name else 200)
    assert cfg.model.head.init_cfg == dict(type='Xavier', layer='Conv2d', distribution='uniform')
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'


@pytest.mark.parametrize('name', NAMES)
def test_maps_that_are_scored_are_there(name):
    cfg = load(name)
    metrics = [METRICS.build(metric) for metric in cfg.test_evaluator]
    assert [type(metric).__name__ for metric in metrics] == ['LocAccuracy', 'MaxBoxAcc']
    assert all('map_kind' not in metric for metric in cfg.test_evaluator)
    assert cfg.default_hooks.checkpoint.save_best == 'tscam/loc_top1'


def test_hidden_patches_reach_the_training_images(sample_set):
    dataset_cfg = load('has_vgg16_cub').train_dataloader.dataset
    dataset_cfg.dataset.data_root = str(sample_set)
    dataset_cfg.pipeline[-2].update(grid_sizes=(16,), drop_prob=1.0)
    item = DATASETS.build(dataset_cfg)[0]
    assert item['inputs'].shape == (3, 224, 224)
    assert item['inputs'].flatten(1).unique(dim=1).flatten().tolist() == [104, 116, 124]
    steps = load('has_vgg16_cub').train_dataloader.dataset.pipeline
    plain = load('cam_vgg16_cub').train_dataloader.dataset.pipeline
    assert [step for step in steps if step.type != 'HideAndSeek'] == plain


def test_cutmix_mixes_labels_as_it_mixes_pixels():
    model = build(load('cutmix_vgg16_cub'))
    model.eval()
    mixed = 0
    for _ in range(8):
        batch = make_batch()
        whole = (
            torch.stack(batch['inputs']).flip(1).float() - model.data_preprocessor.mean
        ) / model.data_preprocessor.std
        data = model.data_preprocessor(batch, training=True)
        share = (data['inputs'] != whole).any(dim=1).float().mean(dim=(1, 2))
        scores = (1 - share[:, None]) * F.one_hot(torch.tensor([1, 4]), CLASSES)
        scores += share[:, None] * F.one_hot(torch.tensor([4, 1]), CLASSES)
        torch.testing.assert_close(torch.stack([sample.gt_score for sample in data['data_samples']]), scores)
        mixed += bool(share.any())
    assert mixed
    loss = model(**data, mode='loss')['loss']
    logits = model(data['inputs'])
    torch.testing.assert_close(loss, -(scores * logits.log_softmax(1)).sum(1).mean())


def test_adl_checkpoint_fits_plain_cam():
    for net in ('vgg16', 'resnet50'):
        adl, cam = build(load(f'adl_{net}_cub')), build(load(f'cam_{net}_cub'))
        cam.load_state_dict(adl.state_dict())


@pytest.mark.parametrize(('classes', 'params', 'macs'), [(200, 19.6, 16.3), (1000, 20.5, 16.5)])
def test_size_of_vgg16_cam(classes, params, macs):
    """That of Table 3 of TS-CAM, with 200 classes: 19.6 M parameters, 16.3 G MACs."""
    from mmtscam.speed import model_complexity

    cfg = load('cam_vgg16_cub')
    cfg.model.head.num_classes = classes
    size = model_complexity(cfg, (224, 224))
    assert (round(size['params'] / 1e6, 1), round(size['macs'] / 1e9, 1)) == (params, macs)


@pytest.mark.parametrize(
    ('name', 'params', 'macs'),
    [
        ('cam_vgg16-danet_cub', 29.1, 18.2),
        ('cam_inceptionv3-danet_cub', 25.7, 4.8),
        ('cam_inceptionv3-spg_ilsvrc', 25.7, 20.8),
        ('adl_inceptionv3_cub', 25.7, 20.8),
        ('spg_inceptionv3_cub', 37.6, 20.8),
    ],
)
@pytest.mark.slow
def test_size_of_methods(name, params, macs):
    """With 200 classes: the networks that the methods' authors describe."""
    from mmtscam.speed import model_complexity

    cfg = load(name)
    cfg.model.head.num_classes = 200
    size = model_complexity(cfg, (224, 224))
    assert (round(size['params'] / 1e6, 1), round(size['macs'] / 1e9, 1)) == (params, macs)
