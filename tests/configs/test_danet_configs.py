"""Configs of DANet, and its label trees."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.registry import METRICS, MODELS
from mmtscam.structures import LocDataSample

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
# Maps an image of 64x64 at each level, and their number a class.
NETWORKS = {
    'danet_vgg16_cub': ([8, 4, 4], 8),
    'danet_inceptionv3_cub': ([5, 5, 2], 4),
    'danet_inceptionv3_ilsvrc': ([5, 5, 2], 4),
    'danet_efficientnet-lite0_cub10': ([8, 4, 4], 4),
}
AUTHORS = [name for name in NETWORKS if not name.endswith('cub10')]
# Orders of families of CUB in DANet's files, by the numbers of classes.
CUB = """
1-3; 45 | 4,31-33,110 | 5-8,58,106; 59-66,84,141-147; 71-72 | 22,92,105 | 23-25; 44; 36,187-192 | 46,87,89-90 | 50-53
| 67-70; 79-83 | 86 | 100-101 | 9-13,26-27,49,88,95-98; 14-17,54,57,139-140; 18; 19,91,149-150; 20;
21,76,113-117,119-129,131-133,148; 28; 29-30,73-75,93,107-108; 34-35,47-48,55-56; 37-43,77-78,102-103; 85; 94;
99,109,158-184,200; 104; 111-112; 118,130; 134; 135-138; 151-157; 185-186; 193-199
"""


def load(name):
    return Config.fromfile(CONFIGS / 'cam' / f'{name}.py')


def make_batch(*labels):
    samples = [LocDataSample(metainfo=dict(ori_shape=(48, 80))).set_gt_label(label) for label in labels]
    return dict(inputs=[torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8) for _ in samples], data_samples=samples)


@pytest.mark.parametrize('name', NETWORKS)
@pytest.mark.slow
def test_one_step_and_one_prediction(name):
    sides, num_maps = NETWORKS[name]
    model = MODELS.build(load(name).model)
    model.train()
    losses = model(**model.data_preprocessor(make_batch(1, 9), training=True), mode='loss')
    assert list(losses) == ['loss_cls', 'loss_parent', 'loss_root', 'loss_cos']
    assert all(loss > 0 for loss in losses.values())
    model.parse_losses(losses)[0].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key

    model.eval()
    assert [each.shape[-1] for each in model.extract_feat(torch.zeros(1, 3, 64, 64))] == sides
    assert model.head.num_maps == num_maps
    for sample in model.test_step(make_batch(1, 9)):
        assert sample.class_maps.maps.shape[-1] == sides[0]
        assert bool(torch.isfinite(sample.class_maps.maps).all())
        assert sample.pred_instances.bboxes.shape == (5, 4)
        assert bool((sample.pred_instances.bboxes <= torch.tensor([80, 48, 80, 48])).all())
        assert (sample.class_maps.protocol, sample.class_maps.threshold) == ('tscam', 0.2)


@pytest.mark.parametrize('name', AUTHORS)
def test_recipe(name):
    cfg = load(name)
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    rates = {id(parameter): group['lr'] for group in groups for parameter in group['params']}
    for key, parameter in model.named_parameters():
        faster = (2 if key.endswith('.bias') else 1) * (10 if key.startswith('head.') else 1)
        assert rates[id(parameter)] == pytest.approx(1e-3 * faster), key
    assert {(group['momentum'], group['nesterov'], group['weight_decay']) for group in groups} == {(0.9, True, 5e-4)}
    cub = name.endswith('cub')
    batch = 30 if cub else 20
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (batch, batch)
    assert (cfg.param_scheduler and cfg.param_scheduler.milestones) == ([80] if cub else [])
    assert cfg.train_cfg.max_epochs == (100 if cub else 5)
    assert cfg.model.head.init_cfg == dict(type='Xavier', layer='Conv2d', distribution='uniform')
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'
    assert not any(isinstance(module, torch.nn.Dropout) for module in model.head.modules())
    metrics = [type(METRICS.build(metric)).__name__ for metric in cfg.test_evaluator]
    assert metrics == ['LocAccuracy', 'MaxBoxAcc']


def test_ten_classes_have_the_recipe_of_all_methods():
    ours, cam = load('danet_efficientnet-lite0_cub10'), load('cam_efficientnet-lite0_cub10')
    for part in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader', 'test_evaluator'):
        assert ours[part] == cam[part]


@pytest.mark.parametrize(
    ('name', 'params', 'macs'), [('danet_vgg16_cub', 48.6, 24.1), ('danet_inceptionv3_cub', 29.7, 7.1)]
)
@pytest.mark.slow
def test_size(name, params, macs):
    """The networks of the authors' code."""
    from mmtscam.speed import model_complexity

    size = model_complexity(load(name), (224, 224))
    assert (round(size['params'] / 1e6, 1), round(size['macs'] / 1e9, 1)) == (params, macs)


def expand(text):
    """The numbers, counted from 0, of text such as ``1-3,7``."""
    for part in text.split(','):
        first, _, last = part.strip().partition('-')
        yield from range(int(first) - 1, int(last or first))


@pytest.mark.parametrize('name', ['danet_vgg16_cub', 'danet_inceptionv3_cub'])
def test_tree_of_cub(name):
    orders, families = load(name).model.head.hierarchy
    expected = [{frozenset(expand(family)) for family in order.split(';')} for order in CUB.split('|')]
    assert (len(expected), sum(map(len, expected))) == (11, 37)
    assert sorted(label for order in expected for family in order for label in family) == [*range(200)]
    ours = {}
    for label, (order, family) in enumerate(zip(orders, families, strict=True)):
        ours.setdefault(order, {}).setdefault(family, set()).add(label)
    assert sorted(ours) == [*range(11)]
    # No family lies in two orders, or there would be more than 37.
    assert sorted(family for order in ours.values() for family in order) == [*range(37)]
    found = [{frozenset(family) for family in order.values()} for order in ours.values()]
    assert Counter(map(frozenset, found)) == Counter(map(frozenset, expected))


def test_tree_of_ten_classes_is_that_of_cub():
    """The same classes lie together, at both levels."""
    ten = load('danet_efficientnet-lite0_cub10').model.head.hierarchy
    for ours, cub in zip(ten, load('danet_vgg16_cub').model.head.hierarchy, strict=True):
        together = [[one == other for other in groups[:10]] for groups in (ours, cub) for one in groups[:10]]
        assert together[:10] == together[10:]


def test_tree_of_ilsvrc():
    """Each class has its place once, and groups that the names of classes tell lie as they should."""
    roots, parents = load('danet_inceptionv3_ilsvrc').model.head.hierarchy
    assert (len(roots), len(parents), max(roots), max(parents)) == (1000, 1000, 19, 114)
    tree = {(root, parent) for root, parent in zip(roots, parents, strict=True)}
    assert len(tree) == 115  # no parent lies in two roots
    assert len({*parents[281:286]}) == 1  # cats
    assert len({*roots[151:269]}) == 2  # dogs, and hunting dogs
    assert not {*roots[:398]} & {*roots[398:]}  # animals and things
