"""Each data set's config loads data in the data set's own layout, from the paths that it names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from layouts import ILSVRC_VAL, make_cub_v2, make_ilsvrc, make_image_folders, make_open_images, write
from mmengine.config import Config
from mmengine.runner import Runner

from mmtscam.datasets.preparation import check_ilsvrc
from mmtscam.registry import DATASETS, METRICS, TRANSFORMS

REPO = Path(__file__).resolve().parents[2]
NAMES = ['cub_benchmark', 'custom', 'custom_boxes', 'ilsvrc', 'ilsvrc_flip', 'openimages']
LOADERS = ['train_dataloader', 'val_dataloader', 'test_dataloader']


@pytest.fixture
def data(tmp_path, sample_set, monkeypatch):
    """A folder ``data`` with every data set, to be named as the configs do."""
    data = tmp_path / 'data'
    make_ilsvrc(data / 'imagenet')
    for name, text in check_ilsvrc(data / 'imagenet')[1].items():
        write(data / 'imagenet' / name, *text.splitlines())
    make_open_images(data / 'OpenImages', data / 'metadata' / 'OpenImages')
    make_cub_v2(data / 'CUBV2', data / 'metadata' / 'CUB' / 'val')
    make_image_folders(data / 'images')
    (data / 'CUB_200_2011').symlink_to(sample_set)
    monkeypatch.chdir(tmp_path)
    return data


def load(name):
    return Config.fromfile(REPO / 'configs' / '_base_' / 'datasets' / f'{name}.py')


def build(name, loader):
    return DATASETS.build(load(name)[loader].dataset)


def boxes_of(dataset):
    samples = [item['data_samples'] for item in dataset]
    return [(sample.gt_label.item(), sample.gt_instances.bboxes.tolist()) for sample in samples]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('loader', LOADERS)
def test_items(data, name, loader):
    for item in build(name, loader):
        assert item['inputs'].shape == (3, 224, 224)
        assert item['inputs'].dtype == torch.uint8
        training, sample = loader == 'train_dataloader', item['data_samples']
        # Training sees labels alone.
        assert ('gt_instances' in sample) == (not training and name not in ('custom', 'openimages'))
        assert ('gt_sem_seg' in sample) == (not training and name == 'openimages')
        assert 'gt_label' in sample


@pytest.mark.parametrize('name', NAMES)
def test_pixels_are_made_as_for_cub(name):
    cfg, cub = load(name), load('cub_flip' if name in ('custom', 'custom_boxes', 'ilsvrc_flip') else 'cub')
    for loader in LOADERS:
        assert cfg[loader].dataset.pipeline == cub[loader].dataset.pipeline
        assert cfg[loader].batch_size == (256 if name.startswith('ilsvrc') else 128)
        assert cfg[loader].dataset.get('test_mode', False) == (loader != 'train_dataloader')


@pytest.mark.parametrize('name', sorted(path.stem for path in (REPO / 'configs' / '_base_' / 'datasets').glob('*.py')))
def test_the_loader_of_a_test_can_be_replaced(name, sample_set):
    """mmdet's tools replace it; training has the quick one, which gives the same."""
    cfg = load(name)
    # LCTR crops from the whole image.
    quick = 'LoadImageFromFile' if name.endswith('_lctr') else 'LoadResizedImage'
    assert cfg.train_dataloader.dataset.pipeline[0].type == quick
    path = str(next((sample_set / 'images').rglob('*.jpg')))
    for loader in LOADERS[1:]:
        reading, resizing, packing = cfg[loader].dataset.pipeline
        assert (reading.type, packing.type) == ('LoadImageFromFile', 'PackLocInputs')
        results = dict(img_path=path)
        for step in (reading, resizing):
            results = TRANSFORMS.build(step)(results)
        quick = TRANSFORMS.build(dict(type='LoadResizedImage', scale=resizing.scale))(dict(img_path=path))
        assert np.array_equal(results.pop('img'), quick.pop('img'))
        assert results == quick


def test_ilsvrc(data):
    train, test = (build('ilsvrc', loader) for loader in ('train_dataloader', 'test_dataloader'))
    assert [train[index]['data_samples'].gt_label.item() for index in range(6)] == [0, 0, 1, 1, 2, 2]
    # Labels follow the sorted classes, and every box of an image is there.
    assert boxes_of(test) == [(label, [list(map(float, box)) for box in boxes]) for label, boxes in ILSVRC_VAL.values()]
    assert test.metainfo['classes'][:2] == train.metainfo['classes'][:2]
    assert len(test.metainfo['classes']) == 1000
    assert test[0]['data_samples'].img_path.endswith('ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG')
    assert load('ilsvrc').val_dataloader.dataset == load('ilsvrc').test_dataloader.dataset


def test_openimages(data):
    for loader, split in zip(LOADERS, ('train', 'val', 'test'), strict=True):
        dataset = build('openimages', loader)
        samples = [item['data_samples'] for item in dataset]
        assert [sample.gt_label.item() for sample in samples] == [0, 1]
        assert [sample.image_id for sample in samples] == [f'{split}/0a/a.jpg', f'{split}/0b/b.jpg']
    # The last is the test split: of the first image all is an object, of the second nothing.
    masks = [sample.gt_sem_seg.sem_seg for sample in samples]
    assert [mask.unique().tolist() for mask in masks] == [[1], [0]]
    assert [tuple(mask.shape) for mask in masks] == [(1, 224, 224)] * 2


def test_cub_benchmark(data):
    train, val, test = (build('cub_benchmark', loader) for loader in LOADERS)
    assert boxes_of(val) == [(0, [[1.0, 2.0, 20.0, 15.0]]), (1, [[0.0, 0.0, 29.0, 19.0]])]
    assert (len(train), len(test)) == (24, 16)
    ids = [{item['data_samples'].image_id for item in dataset} for dataset in (train, val, test)]
    assert len(set.union(*ids)) == 42


def test_custom_boxes(data):
    test = build('custom_boxes', 'test_dataloader')
    assert test.metainfo['classes'] == ('cat', 'dog')
    assert boxes_of(test) == [(0, [[3.0, 4.0, 9.0, 11.0]]), (1, [[1.0, 2.0, 11.0, 7.0]])]
    assert len(build('custom_boxes', 'train_dataloader')) == 4


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.slow
def test_a_run_measures_what_the_config_names(data, tiny_config, name):
    """Training and both evaluations of a very small model."""
    cfg = tiny_config
    for key in LOADERS:
        cfg[key] = load(name)[key]
        cfg[key].update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.val_evaluator, cfg.test_evaluator = load(name).val_evaluator, load(name).test_evaluator
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert [METRICS.build(metric) for metric in evaluator]
    cfg.model.backbone.update(img_size=224, patch_size=32)
    cfg.model.head.num_classes = 8
    cfg.default_hooks.checkpoint = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    results = runner.test()
    expected = {
        'custom': {'accuracy/top1'},
        'openimages': {
            'wsol-v2/pxap',
            'wsol-v2-attention/pxap',
            'wsol-v2-semantic/pxap',
            'accuracy/top1',
            'accuracy/top5',
        },
    }.get(name, {'tscam/gt_known', 'tscam-attention/gt_known', 'tscam-semantic/gt_known', 'wsol-v2/maxboxacc_oracle'})
    assert expected <= results.keys()
    if name in ('custom', 'openimages'):  # no boxes, no figures of boxes
        assert not any('gt_known' in key or 'boxacc' in key for key in results)
