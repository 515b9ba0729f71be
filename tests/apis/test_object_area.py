import shutil

import pytest
import torch

from mmtscam.apis.object_area import object_areas
from mmtscam.registry import DATASETS, MODELS
from mmtscam.utils.config import read_config


@pytest.fixture
def cfg(tiny_config, checkpoint):
    tiny_config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    return tiny_config


def plain_areas(cfg):
    """Written out, image by image, for the second block of two."""
    model = MODELS.build(cfg.model).eval()
    model.backbone.init_weights()
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=cfg.test_dataloader.dataset.pipeline))
    shares = []
    for item in dataset:
        inputs = model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))['inputs']
        with torch.no_grad():
            attention = model.backbone(inputs).attention[0, 1]
        low, high = attention.min(), attention.max()
        shares.append(((attention > low + 0.1 * (high - low)).sum() / attention.numel()).item())
    return torch.tensor(shares)


def test_it_is_the_share_of_patches_above_a_tenth_of_the_range(cfg):
    expected = plain_areas(cfg)
    areas = object_areas(cfg)
    assert areas.shape == (24,) and areas.std() > 0.01
    torch.testing.assert_close(areas, expected)
    some = object_areas(cfg, images=7)
    assert len(some) == 7 and torch.equal(some, object_areas(cfg, images=7))
    assert set(some.tolist()) <= set(areas.tolist())


def test_spatial_tokens_and_settings_of_attention_play_no_part(cfg):
    expected = object_areas(cfg)
    cfg.model.backbone.update(type='SATDeiT', gated_blocks=2, attn_layers=[0], attn_aggregation='rollout')
    cfg.model.head.update(type='SATHead', map_kind='foreground')
    torch.testing.assert_close(object_areas(cfg), expected)
    assert cfg.model.backbone.gated_blocks == 2


@pytest.mark.parametrize(
    ('backbone', 'message'),
    [
        (dict(init_cfg=None), 'needs a backbone with pretrained weights: set model.backbone.init_cfg.checkpoint'),
        (dict(init_cfg=dict(type='Pretrained', checkpoint=None)), 'needs a backbone with pretrained weights'),
        (dict(init_cfg=dict(type='Constant', layer='Linear')), 'needs a backbone with pretrained weights'),
        (dict(type='mmpretrain.VGG'), 'needs a TSCAMDeiT or SATDeiT as its backbone, not VGG'),
    ],
)
def test_other_backbones(cfg, backbone, message):
    cfg.model.backbone.update(backbone)
    with pytest.raises(ValueError, match=message):
        object_areas(cfg)


def test_no_backbone(cfg):
    cfg.model.backbone = None
    with pytest.raises(ValueError, match='needs a TSCAMDeiT or SATDeiT as its backbone, not None'):
        object_areas(cfg)


def test_an_image_that_cannot_be_read_is_named(cfg, sample_set, tmp_path):
    root = shutil.copytree(sample_set, tmp_path / 'sample')
    image = next((root / 'images').glob('*/*_0001.jpg'))
    image.write_text('no image')
    cfg.train_dataloader.dataset.dataset.data_root = str(root)
    with pytest.raises(ValueError, match=image.name):
        object_areas(cfg)


def test_missing_weights(cfg):
    cfg.model.backbone.init_cfg.checkpoint = '/none.pth'
    with pytest.raises(FileNotFoundError, match=r'pretrained weights not found: put the file at /none\.pth'):
        object_areas(cfg)


def test_on_real_birds_it_is_near_the_released_value(repo, assets):
    """The released code's area is 0.25 on CUB."""
    cfg = read_config(repo / 'configs' / 'sat' / 'sat_deit-t_cub.py')
    cfg.train_dataloader.dataset.dataset.data_root = str(assets / 'data' / 'CUB_200_2011')
    cfg.model.backbone.init_cfg.checkpoint = str(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')
    areas = object_areas(cfg, images=60)
    assert areas.mean() == pytest.approx(0.25, abs=0.04)
