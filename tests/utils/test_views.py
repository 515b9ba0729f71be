import pytest
from mmengine.config import Config

from mmtscam.utils.views import describe_views, load_then_resize, pipeline_of_views, use_views

LOAD = dict(type='LoadImageFromFile')
RESIZE = dict(type='Resize', scale=(224, 224), backend='pillow')
PACK = dict(type='PackLocInputs')


def test_views_take_the_place_of_resizing():
    steps = pipeline_of_views([LOAD, RESIZE, PACK], tta=True, ten_crop=False, patch_size=16)
    assert steps == [
        LOAD,
        dict(
            type='mmtscam.LocViews', resize=RESIZE, sizes=[(224, 224), (288, 288)], flip=True, ten_crop=False,
            zoom=False, steps=[PACK],
        ),
    ]  # fmt: skip
    assert describe_views(steps) == dict(sizes=[[224, 224], [288, 288]], flip=True, ten_crop=False, zoom=False)


def test_a_closer_look():
    (views,) = steps = pipeline_of_views([RESIZE, PACK], zoom=True)
    assert (views['sizes'], views['flip'], views['zoom']) == ([(224, 224)], False, True)
    assert describe_views(steps)['zoom'] is True


def test_crops_without_other_views():
    (views,) = pipeline_of_views([dict(RESIZE, scale=448), PACK], tta=False, ten_crop=True)
    assert (views['sizes'], views['flip'], views['ten_crop']) == ([(448, 448)], False, True)


@pytest.mark.parametrize(('size', 'patch', 'second'), [(448, 14, 574), (80, 8, 104), (20, 16, 32)])
def test_the_second_size_is_full_of_patches(size, patch, second):
    (views,) = pipeline_of_views([dict(RESIZE, scale=size), PACK], tta=True, ten_crop=False, patch_size=patch)
    assert views['sizes'][1] == (second, second)
    assert second % patch == 0


def test_a_loader_that_resizes_is_taken_apart():
    steps = load_then_resize([dict(type='LoadResizedImage', scale=92), PACK])
    assert [step['type'] for step in steps] == ['LoadImageFromFile', 'Resize', 'PackLocInputs']
    assert steps[1]['scale'] == (92, 92)
    assert load_then_resize([LOAD, PACK]) == [LOAD, PACK]
    assert load_then_resize([]) == []


@pytest.mark.parametrize(
    'steps',
    [
        [LOAD, PACK],
        [LOAD, RESIZE, RESIZE, PACK],
        [LOAD, dict(type='Resize', scale_factor=2), PACK],
        [LOAD, dict(RESIZE, keep_ratio=True), PACK],
    ],
)
def test_a_pipeline_without_a_place_for_views(steps):
    with pytest.raises(ValueError, match='test-time augmentation needs a test pipeline with one Resize'):
        pipeline_of_views(steps, tta=True, ten_crop=False)


def test_crops_and_a_closer_look_are_not_joined():
    with pytest.raises(ValueError, match='choose one of --ten-crop and --zoom'):
        pipeline_of_views([RESIZE, PACK], ten_crop=True, zoom=True)


def test_a_config_of_wrapped_data_sets():
    inner = dict(type='WSOLDataset', pipeline=[LOAD, RESIZE, PACK])
    cfg = Config(dict(
        model=dict(backbone=dict(patch_size=16)),
        test_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=inner)),
    ))  # fmt: skip
    use_views(cfg, tta=True, ten_crop=False)
    assert cfg.test_dataloader.dataset.dataset.pipeline[-1].sizes == [(224, 224), (288, 288)]
    cfg.tta_pipeline = [LOAD]
    use_views(cfg, tta=True, ten_crop=False)
    assert cfg.test_dataloader.dataset.dataset.pipeline == [LOAD]
    with pytest.raises(ValueError, match='its tta_pipeline makes the views, and it has no zoom: set zoom=True'):
        use_views(cfg, zoom=True)


def test_a_config_of_joined_data_sets():
    inner = dict(type='WSOLDataset', pipeline=[LOAD, RESIZE, PACK])
    joined = dict(type='ConcatDataset', datasets=[inner, dict(type='RepeatDataset', dataset=inner)])
    cfg = Config(dict(model=dict(backbone=dict(patch_size=16)), test_dataloader=dict(dataset=joined)))
    use_views(cfg, tta=True)
    first, second = cfg.test_dataloader.dataset.datasets
    for dataset in (first, second.dataset):
        assert dataset.pipeline[-1].sizes == [(224, 224), (288, 288)]


def test_a_pipeline_without_views():
    assert describe_views([LOAD, RESIZE, PACK]) is None
    assert describe_views([]) is None


@pytest.mark.parametrize('scale', [None, 'large', [224], [224, 0], [224, 1.5], 10**30, [10**30, 1]])
def test_a_scale_that_is_none(scale):
    with pytest.raises(ValueError, match='must be a width and a height, got'):
        pipeline_of_views([dict(type='Resize', scale=scale)], tta=True)


def test_a_step_without_type():
    with pytest.raises(ValueError, match=r'a step of the test pipeline has no type'):
        pipeline_of_views([dict(scale=224)])
