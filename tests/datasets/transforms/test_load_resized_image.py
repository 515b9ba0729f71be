import io

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmtscam.registry import TRANSFORMS

SIZES = [(500, 375), (333, 500), (64, 48), (31, 230)]


def picture(width=120, height=90, mode='RGB'):
    """Smooth colours with edges and some noise, as photographs have."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 9 + y / 23), np.cos(x / 31 - y / 7), np.sin((x + y) / 17)], axis=-1)
    pixels = 128 + 80 * waves + 30 * ((x // 24 + y // 15) % 2)[..., None]
    pixels += np.random.default_rng(0).normal(0, 4, pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if mode in ('LA', 'RGBA'):
        image.putalpha(Image.fromarray((x * 255 // width).astype(np.uint8)))
    return image.convert(mode)


def load(path, **kwargs):
    kwargs.setdefault('scale', (32, 24))
    return TRANSFORMS.build(dict(type='LoadResizedImage', **kwargs))(dict(img_path=str(path)))


def pillow(path, size=(32, 24)):
    """The pixels as Pillow alone gives them, in the order B, G, R."""
    with Image.open(path) as image:
        return np.array(image.convert('RGB').resize(size, Image.Resampling.BILINEAR))[:, :, ::-1]


def two_steps(path, size=(32, 24), scope=''):
    """The results of the two transforms for a file."""
    results = dict(img_path=str(path))
    for step in (
        dict(type=f'{scope}LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
        dict(type='Resize', scale=size, backend='pillow'),
    ):
        results = TRANSFORMS.build(step)(results)
    return results


def assert_same(ours, theirs):
    assert np.array_equal(ours.pop('img'), theirs.pop('img'))
    assert ours == theirs


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('scale', [(256, 256), (40, 300)])
@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_pixels_are_pillows(tmp_path, size, scale, suffix):
    path = tmp_path / f'image.{suffix}'
    picture(*size).save(path)
    results = load(path, scale=scale)
    assert np.array_equal(results['img'], pillow(path, scale))
    assert results['img'].dtype == np.uint8
    assert results['img'].flags.c_contiguous
    assert_same(load(path, scale=scale), two_steps(path, scale))
    assert_same(results, two_steps(path, scale, 'mmcv.'))


@pytest.mark.parametrize('fast', [False, True])
@pytest.mark.parametrize(
    ('mode', 'suffix'),
    [('L', 'png'), ('LA', 'png'), ('RGBA', 'png'), ('P', 'png'), ('1', 'png'), ('RGB', 'bmp'), ('CMYK', 'jpg')],
)
def test_other_modes_and_formats_are_as_with_two_steps(tmp_path, mode, suffix, fast):
    path = tmp_path / f'image.{suffix}'
    picture(mode=mode).save(path)
    assert_same(load(path, fast=fast), two_steps(path))
    if mode not in ('LA', 'RGBA'):  # they are put on grey
        assert np.array_equal(load(path, fast=fast)['img'], pillow(path))
        assert_same(load(path, fast=fast), two_steps(path, scope='mmcv.'))


@pytest.mark.parametrize('fast', [False, True])
def test_orientation_is_ignored_and_the_size_is_the_files(tmp_path, fast):
    path = tmp_path / 'turned.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture(500, 300).save(path, exif=exif)
    results = load(path, fast=fast)
    assert results['ori_shape'] == (300, 500)
    assert results['img_shape'] == (24, 32)
    assert results['scale'] == (32, 24)
    assert results['scale_factor'] == (32 / 500, 24 / 300)
    assert results['keep_ratio'] is False
    assert np.abs(results['img'].astype(int) - pillow(path)).mean() < 2


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('mode', ['RGB', 'L'])
@pytest.mark.parametrize('options', [{}, dict(progressive=True), dict(subsampling='4:4:4', quality=95)])
def test_fast_is_off_by_a_rounding_from_whole_images(tmp_path, size, mode, options):
    path = tmp_path / 'image.jpg'
    picture(*size, mode=mode).save(path, **options)
    results = load(path, scale=256, fast=True)
    difference = np.abs(results['img'].astype(int) - pillow(path, (256, 256)))
    assert difference.max() <= 2
    assert difference.mean() < 0.3
    assert results['img'].flags.c_contiguous
    assert results['ori_shape'] == size[::-1]


@pytest.mark.parametrize(
    ('size', 'factor'), [((64, 64), 1), ((255, 900), 1), ((256, 256), 2), ((601, 512), 4), ((1100, 1025), 8)]
)
def test_fast_decodes_at_least_twice_what_is_wanted(tmp_path, monkeypatch, size, factor):
    decode, decoded = cv2.imdecode, []

    def spy(*args):
        decoded.append(decode(*args))
        return decoded[-1]

    path = tmp_path / 'image.jpg'
    picture(*size).save(path)
    monkeypatch.setattr(cv2, 'imdecode', spy)
    results = load(path, scale=64, fast=True)
    assert [image.shape[:2] for image in decoded] == [(-(-size[1] // factor), -(-size[0] // factor))]
    assert results['ori_shape'] == size[::-1]
    assert np.abs(results['img'].astype(int) - pillow(path, (64, 64))).mean() < 3


@pytest.mark.parametrize('fast', [False, True])
@pytest.mark.parametrize('options', [{}, dict(progressive=True)])
@pytest.mark.parametrize('part', [0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, fast, options, part):
    content = io.BytesIO()
    picture(500, 400).save(content, 'JPEG', **options)
    path = tmp_path / 'image.jpg'
    path.write_bytes(content.getvalue()[: int(part * len(content.getvalue()))])
    with pytest.raises(OSError):
        load(path, fast=fast)


@pytest.mark.parametrize('fast', [False, True])
def test_a_file_that_is_not_an_image_or_missing_is_refused(tmp_path, fast):
    (tmp_path / 'text.jpg').write_text('no image')
    with pytest.raises(OSError, match='cannot identify image file'):
        load(tmp_path / 'text.jpg', fast=fast)
    with pytest.raises(FileNotFoundError, match=r'missing\.jpg'):
        load(tmp_path / 'missing.jpg', fast=fast)


def test_fast_leaves_to_pillow_what_opencv_cannot_decode(tmp_path, monkeypatch):
    path = tmp_path / 'image.jpg'
    picture().save(path)
    monkeypatch.setattr(cv2, 'imdecode', lambda *args: None)
    assert np.array_equal(load(path, fast=True)['img'], pillow(path))


def test_fast_leaves_bytes_after_the_image_to_pillow(tmp_path):
    """Then the end of the image cannot be told from that of a truncated one."""
    path = tmp_path / 'image.jpg'
    picture().save(path)
    path.write_bytes(path.read_bytes() + b'more')
    assert np.array_equal(load(path, fast=True)['img'], pillow(path))


@pytest.mark.parametrize('scale', [0, (0, 5), (5, -1)])
def test_sizes_must_be_positive(scale):
    with pytest.raises(ValueError, match='scale must be a width and a height in pixels, got'):
        load('image.jpg', scale=scale)


def test_the_configs_can_be_made_fast_by_an_option(repo):
    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'datasets' / 'cub.py')
    cfg.merge_from_dict({'train_dataloader.dataset.pipeline.0.fast': True})
    transform = TRANSFORMS.build(cfg.train_dataloader.dataset.pipeline[0])
    assert repr(transform) == 'LoadResizedImage(scale=(256, 256), fast=True, backend_args=None)'
