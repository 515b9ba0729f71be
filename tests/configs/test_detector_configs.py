"""The configs of mmdet's detectors, as far as they can be told without compiled ops."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain.datasets import CUB

from mmtscam.registry import MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'mmdet'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py'))
ROOT = 'data/CUB_200_2011/'


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def test_each_detector_is_there_twice():
    detectors = ('faster-rcnn_r18_fpn_cub', 'faster-rcnn_r50_fpn_cub', 'rtmdet_tiny_cub')
    ours = 'faster-rcnn_tscam-deit-t_sfp_cub10'
    pairs = [*(f'{detector}_pseudo' for detector in detectors), f'{ours}_pseudo', f'{ours}_oracle']
    assert sorted(f'{name}{agnostic}' for name in pairs for agnostic in ('', '_agnostic')) == NAMES


@pytest.mark.parametrize('name', NAMES)
def test_data(name):
    """Trained on one file, evaluated on another, by the names that pseudo_label.py and wsol_to_coco.py write."""
    cfg = load(name)
    agnostic = '_agnostic' if name.endswith('_agnostic') else ''
    count = 10 if 'cub10' in name else 200
    classes = ('object',) if agnostic else CUB.METAINFO['classes'][:count]
    train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
    for dataset in (train, test):
        assert (dataset.type, dataset.data_root, dataset.data_prefix) == ('CocoDataset', ROOT, dict(img=''))
        assert tuple(dataset.metainfo.classes) == classes
        # There are as many colours as classes, or mmdet draws them.
        assert dataset.metainfo.palette is None or len(dataset.metainfo.palette) == len(classes)
    assert cfg.val_dataloader == cfg.test_dataloader
    assert train.ann_file == f'{"coco" if "oracle" in name else "pseudo"}/train{agnostic}.json'
    assert test.ann_file == f'coco/test{agnostic}.json'
    assert cfg.val_evaluator == cfg.test_evaluator
    assert (cfg.test_evaluator.type, cfg.test_evaluator.ann_file) == ('CocoMetric', ROOT + test.ann_file)
    head = cfg.model.get('bbox_head') or cfg.model.roi_head.bbox_head
    assert head.num_classes == len(classes)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.slow
def test_it_is_run_by_mmdets_tools(name):
    cfg = load(name)
    assert cfg.default_scope == 'mmdet'
    assert cfg.custom_imports.imports == ['mmtscam.registry']
    # A run dumps, and a checkpoint holds, the same config.
    assert Config.fromstring(cfg.pretty_text, '.py').to_dict() == cfg.to_dict()


@pytest.mark.parametrize('name', NAMES)
def test_weights_are_those_of_classifiers(name):
    """A detector that has seen true boxes of birds, as one of COCO, would not be weakly supervised."""
    cfg = load(name)
    assert cfg.load_from is None
    checkpoint = cfg.model.backbone.init_cfg.checkpoint
    assert any(part in checkpoint for part in ('torchvision://resnet', 'cspnext-tiny_imagenet', 'deit_tiny_patch16'))


@pytest.mark.parametrize('name', [name for name in NAMES if 'tscam' in name])
def test_levels_of_ours_are_those_of_the_heads(name):
    model = load(name).model
    model.backbone.init_cfg = None
    backbone, neck = MODELS.build(model.backbone), MODELS.build(model.neck)
    levels = neck(backbone(torch.randn(1, 3, 64, 96)))
    strides = model.rpn_head.anchor_generator.strides
    assert [level.shape[1:] for level in levels] == [(96, -(-64 // stride), -(-96 // stride)) for stride in strides]
    assert strides[:4] == model.roi_head.bbox_roi_extractor.featmap_strides
    widths = (model.rpn_head.in_channels, model.roi_head.bbox_roi_extractor.out_channels)
    assert {*widths, model.roi_head.bbox_head.in_channels} == {96}


def test_budget_of_pseudo_and_oracle_is_the_same():
    for agnostic in ('', '_agnostic'):
        name = 'faster-rcnn_tscam-deit-t_sfp_cub10_{}' + agnostic
        pseudo, oracle = (load(name.format(kind)).to_dict() for kind in ('pseudo', 'oracle'))
        for cfg in (pseudo, oracle):
            cfg['train_dataloader']['dataset'].pop('ann_file')
        assert pseudo == oracle
