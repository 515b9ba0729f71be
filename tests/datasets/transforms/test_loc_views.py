import numpy as np
import pytest
import torch

from mmtscam.registry import TRANSFORMS

RESIZE = dict(type='Resize', scale=(28, 28), backend='pillow', interpolation='bilinear')


def build(**kwargs):
    return TRANSFORMS.build(dict(type='LocViews', resize=RESIZE, **kwargs))


@pytest.fixture
def results():
    image = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    return dict(img=image, img_path='x.jpg', img_shape=(40, 60), ori_shape=(40, 60), gt_label=3)


def plain(results, size):
    steps = [dict(RESIZE, scale=size), dict(type='PackLocInputs')]
    for step in steps:
        results = TRANSFORMS.build(step)(dict(results))
    return results['inputs']


def test_whole_views(results):
    views = build(sizes=[(28, 28), (36, 36)])(results)
    assert [tuple(view.shape) for view in views['inputs']] == [(3, 28, 28)] * 2 + [(3, 36, 36)] * 2
    for place, size in ((0, (28, 28)), (2, (36, 36))):
        assert torch.equal(views['inputs'][place], plain(results, size))
        assert torch.equal(views['inputs'][place + 1], plain(results, size).flip(-1))
    assert [bool(sample.get('flip')) for sample in views['data_samples']] == [False, True, False, True]
    for sample in views['data_samples']:
        assert sample.gt_label.tolist() == [3]
        assert (sample.ori_shape, sample.img_path, sample.crop) == ((40, 60), 'x.jpg', False)
    # The image itself is not changed.
    assert results['img'].shape == (40, 60, 3)


def test_one_view_alone(results):
    views = build(sizes=[(28, 28)], flip=False)(results)
    assert torch.equal(torch.stack(views['inputs']), plain(results, (28, 28))[None])


def test_the_image_to_look_at_closely_comes_last(results):
    views = build(sizes=[(28, 28)], flip=True, zoom=True)(results)
    assert [sample.zoom for sample in views['data_samples']] == [False] * 2 + [True]
    assert torch.equal(views['inputs'][-1], plain(results, (56, 56)))


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(sizes=[(28, 28)], ten_crop=True, zoom=True), 'choose one of ten_crop and zoom'),
        (dict(sizes=[]), 'one view'),
    ],
)
def test_views_that_do_not_go_together(arguments, words):
    with pytest.raises(ValueError, match=words):
        build(**arguments)


def test_ten_crops(results):
    views = build(sizes=[(28, 28)], flip=False, ten_crop=True)(results)
    assert [sample.crop for sample in views['data_samples']] == [False] + [True] * 10
    large = plain(results, (32, 32))  # 256 / 224 of 28
    for index, (top, left) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]):
        crop = large[:, top : top + 28, left : left + 28]
        assert torch.equal(views['inputs'][1 + 2 * index], crop)
        assert torch.equal(views['inputs'][2 + 2 * index], crop.flip(-1))
