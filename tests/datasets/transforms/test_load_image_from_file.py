import mmcv.transforms
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmtscam.registry import TRANSFORMS

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / 'a.png')
    return str(tmp_path / 'a.png')


def test_it_takes_the_place_of_mmcvs_in_our_scope(path):
    init_default_scope('mmtscam')
    loader = TRANSFORMS.build(dict(type='LoadImageFromFile'))
    assert isinstance(loader, mmcv.transforms.LoadImageFromFile)
    assert type(loader).__module__.startswith('mmtscam')
    assert type(TRANSFORMS.build(dict(type='mmcv.LoadImageFromFile'))) is mmcv.transforms.LoadImageFromFile
    assert "color_type='color', imdecode_backend='pillow'" in repr(loader)


def test_keys_and_pixels_are_mmcvs_for_plain_images(path):
    ours, theirs = (
        TRANSFORMS.build(dict(type=kind, imdecode_backend='pillow'))(dict(img_path=path, gt_label=3))
        for kind in ('LoadImageFromFile', 'mmcv.LoadImageFromFile')
    )
    assert np.array_equal(ours.pop('img'), theirs.pop('img'))
    assert ours == theirs


def test_floats(path):
    loaded = TRANSFORMS.build(dict(type='LoadImageFromFile', to_float32=True))(dict(img_path=path))['img']
    assert loaded.dtype == np.float32
    assert np.array_equal(loaded[..., ::-1], PIXELS)


def test_one_decoder():
    with pytest.raises(ValueError, match=r"imdecode_backend must be 'pillow', got 'cv2': one decoder reads all"):
        TRANSFORMS.build(dict(type='LoadImageFromFile', imdecode_backend='cv2'))
    with pytest.raises(ValueError, match=r"color_type must be color or color_ignore_orientation, got 'grayscale'"):
        TRANSFORMS.build(dict(type='LoadImageFromFile', color_type='grayscale'))
