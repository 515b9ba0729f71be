import numpy as np
import pytest
from mmcv.transforms import Compose, LoadImageFromFile
from mmengine.config import Config
from PIL import Image

from mmtscam.apis.pipelines import find_pipeline, image_pipeline
from mmtscam.datasets import LoadResizedImage
from mmtscam.registry import TRANSFORMS

PACK = dict(type='PackLocInputs')
TWO = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(48, 32), backend='pillow', interpolation='bilinear'),
]


def _config(*steps):
    return Config(dict(test_dataloader=dict(dataset=dict(pipeline=[*steps, PACK]))))


def test_the_pipeline_of_joined_data_sets():
    inner = dict(type='RepeatDataset', dataset=dict(pipeline=[*TWO, PACK]))
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[inner, inner]))))
    assert find_pipeline(cfg) == [*TWO, PACK]


@pytest.mark.parametrize(
    ('steps', 'size'),
    [
        (TWO, (48, 32)),
        ([{**TWO[0], 'type': 'mmpretrain.LoadImageFromFile'}, TWO[1]], (48, 32)),
        ([{**TWO[0], 'type': LoadImageFromFile}, TWO[1]], (48, 32)),
        ([dict(type='LoadResizedImage', scale=(48, 32))], (48, 32)),
        ([dict(type=LoadResizedImage, scale=40)], (40, 40)),
        ([dict(type='mmtscam.LoadResizedImage', scale=40)], (40, 40)),
    ],
)
def test_an_image_goes_through_as_its_file_does(tmp_path, steps, size):
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    cfg = _config(*steps)
    whole = [TRANSFORMS.build(step) for step in find_pipeline(cfg)]
    after = [TRANSFORMS.build(step) for step in image_pipeline(cfg)]
    expected = Compose(whole)(dict(img_path=str(tmp_path / 'a.png')))
    found = Compose(after)(dict(img=pixels[..., ::-1].copy(), img_shape=(70, 90), ori_shape=(70, 90)))
    assert found['inputs'].shape == (3, *size[::-1])
    assert np.array_equal(found['inputs'], expected['inputs'])
    expected['data_samples'].pop('img_path')
    assert found['data_samples'].metainfo == expected['data_samples'].metainfo


def test_the_config_stays_as_it_is():
    cfg = _config(*TWO)
    find_pipeline(cfg)[0]['type'] = 'Other'
    image_pipeline(cfg)[0]['scale'] = (1, 1)
    assert cfg.test_dataloader.dataset.pipeline == [*TWO, PACK]


@pytest.mark.parametrize(
    'content',
    [
        dict(),
        dict(test_dataloader=None),
        dict(test_dataloader=dict(dataset=dict(type='WSOLDataset'))),
        dict(test_dataloader=dict(dataset=dict(pipeline=[]))),
    ],
)
@pytest.mark.parametrize('find', [find_pipeline, image_pipeline])
def test_there_is_none(content, find, tmp_path):
    with pytest.raises(
        ValueError, match=r'^the config: has no pipeline for an image: set test_dataloader\.dataset\.pip'
    ):
        find(Config(content))
    (tmp_path / 'my.py').touch()
    with pytest.raises(ValueError, match=rf'^{tmp_path}/my\.py: has no pipeline for an image'):
        find(Config(content, filename=str(tmp_path / 'my.py')))


def test_no_known_loader():
    cfg = _config(dict(type='mmdet.LoadProposals'))
    assert [step['type'] for step in find_pipeline(cfg)] == ['mmdet.LoadProposals', 'PackLocInputs']
    with pytest.raises(
        ValueError, match='begin with LoadImageFromFile or LoadResizedImage, not with LoadProposals: ch'
    ):
        image_pipeline(cfg)
