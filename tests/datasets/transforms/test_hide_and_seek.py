import numpy as np
import pytest
import torch
from mmcv.transforms.utils import cache_random_params

from mmtscam.registry import MODELS, TRANSFORMS


def build(**kwargs):
    return TRANSFORMS.build(dict(type='HideAndSeek', **kwargs))


@pytest.fixture
def image():
    # Without any value near the mean colour.
    return np.random.default_rng(0).integers(0, 90, (50, 70, 3), dtype=np.uint8)


MEAN_BGR = (104, 116, 124)


@pytest.mark.parametrize('size', [1, 16, 33, 100])
def test_every_patch_is_hidden_or_as_it_was(image, size):
    out = build(grid_sizes=(size,))(dict(img=image.copy()))['img']
    assert out.dtype == np.uint8
    assert out.shape == image.shape
    states = set()
    for y in range(0, 50, size):
        for x in range(0, 70, size):
            patch, before = out[y : y + size, x : x + size], image[y : y + size, x : x + size]
            hidden = (patch == MEAN_BGR).all()
            assert hidden or (patch == before).all()
            states.add(bool(hidden))
    assert states == {True, False} or size == 100


def test_a_hidden_patch_is_zero_after_normalisation(image, repo):
    from mmengine.config import Config

    model = Config.fromfile(repo / 'configs' / '_base_' / 'models' / 'cam_vgg16.py').model
    preprocessor = MODELS.build(model.data_preprocessor)
    hidden = build(grid_sizes=(8,), drop_prob=1.0)(dict(img=image))['img']
    inputs = preprocessor(dict(inputs=[torch.from_numpy(hidden.transpose(2, 0, 1).copy())]))['inputs']
    assert inputs.abs().max() < 0.01  # half a grey level at most


def test_share_of_hidden_patches():
    out = build(grid_sizes=(2,), drop_prob=0.3)(dict(img=np.zeros((200, 200, 3), np.uint8)))['img']
    assert (out > 0).mean() == pytest.approx(0.3, abs=0.02)  # of 10,000 patches


def test_sizes_are_drawn_evenly():
    transform = build(grid_sizes=(0, 16, 32, 44, 56))
    sizes = [transform._draw(64, 64)[0] for _ in range(1000)]
    for size in (0, 16, 32, 44, 56):
        assert sizes.count(size) == pytest.approx(200, abs=45)


@pytest.mark.parametrize('kwargs', [dict(grid_sizes=(0,)), dict(grid_sizes=(8,), drop_prob=0.0)])
def test_nothing_is_hidden(image, kwargs):
    assert np.array_equal(build(**kwargs)(dict(img=image.copy()))['img'], image)


def test_the_source_stays_as_it_is(image):
    before = image.copy()
    build(grid_sizes=(8,), drop_prob=1.0)(dict(img=image))
    assert np.array_equal(image, before)


def test_random_numbers_are_numpys_and_can_be_cached(image):
    transform = build(grid_sizes=(8,))
    outs = []
    for _ in range(2):
        np.random.seed(3)  # noqa: NPY002
        outs.append(transform(dict(img=image))['img'])
    assert np.array_equal(*outs)
    with cache_random_params(transform):
        same = [transform(dict(img=image))['img'] for _ in range(2)]
    assert np.array_equal(*same)
    assert not np.array_equal(outs[0], transform(dict(img=image))['img'])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(grid_sizes=()), r'grid_sizes must be numbers of pixels, got \[\]'),
        (dict(grid_sizes=(16, -1)), 'grid_sizes must be numbers of pixels'),
        (dict(drop_prob=1.2), r'drop_prob must be in \[0, 1\], got 1.2'),
        (dict(fill=(0, 0)), 'fill must be R, G and B'),
        (dict(fill=(0, 0, 300)), 'fill must be R, G and B'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
