import numpy as np
import pytest

from mmtscam.registry import TRANSFORMS


def build(**kwargs):
    return TRANSFORMS.build(dict(type='CropAroundBox', **kwargs))


@pytest.fixture
def results():
    image = np.random.default_rng(0).integers(256, size=(80, 100, 3), dtype=np.uint8)
    return dict(
        img=image, img_path='x.jpg', img_shape=(80, 100), ori_shape=(80, 100), gt_label=3,
        instances=[dict(bbox=[40.0, 30.0, 60.0, 40.0], bbox_label=3, ignore_flag=0)],
    )  # fmt: skip


def test_the_square_around_the_box(results):
    image = results['img']
    cropped = build(scale=(1, 1), aspect=(1, 1), shift=0)(results)
    assert np.array_equal(cropped['img'], image[25:45, 40:60])
    assert (cropped['img_shape'], cropped['ori_shape'], cropped['zoomed']) == ((20, 20), (80, 100), True)


def test_packed_for_the_head(results):
    sample = TRANSFORMS.build(dict(type='PackLocInputs'))(build()(results))['data_samples']
    assert sample.zoomed is True
    # Boxes stay in the image's own pixels, as after any other transform.
    assert sample.gt_instances.bboxes.tolist() == [[40, 30, 60, 40]]


def test_crops_differ_within_their_bounds(results):
    step, image = build(scale=(0.5, 2), aspect=(0.5, 2), shift=0.25), results['img']
    np.random.seed(0)  # noqa: NPY002
    areas, ratios = [], []
    for _ in range(300):
        height, width = step(dict(results, img=image))['img_shape']
        areas.append(height * width)
        ratios.append(width / height)
    # In whole pixels, moved out.
    assert 10 * 10 <= min(areas) < 14 * 14
    assert 36 * 36 < max(areas) <= 41 * 42
    assert 0.45 < min(ratios) < 0.6
    assert 1.7 < max(ratios) < 2.2


def test_one_of_several_boxes_is_drawn(results):
    results['instances'].append(dict(bbox=[0.0, 0.0, 10.0, 10.0], bbox_label=3, ignore_flag=0))
    step, image = build(scale=(1, 1), aspect=(1, 1), shift=0), results['img']
    np.random.seed(0)  # noqa: NPY002
    assert {step(dict(results, img=image))['img_shape'] for _ in range(20)} == {(20, 20), (10, 10)}


def test_an_image_without_an_object_stays_whole(results):
    results['instances'] = []
    image = results['img']
    after = build()(results)
    assert after['img'] is image
    assert 'zoomed' not in after


def test_without_boxes(results):
    results['instances'] = None
    with pytest.raises(ValueError, match='CropAroundBox needs a box: give the data set boxes'):
        build()(results)


def test_after_resizing(results):
    results['img'] = results['img'][:40]
    with pytest.raises(ValueError, match='put it before steps that resize or crop'):
        build()(results)


def test_after_mirroring(results):
    mirrored = TRANSFORMS.build(dict(type='RandomFlip', prob=1.0))(results)
    with pytest.raises(ValueError, match='put CropAroundBox before RandomFlip'):
        build()(mirrored)


def test_a_box_of_the_image_as_it_lay(results):
    """Boxes of an image that was turned by its EXIF orientation lie outside of the one that was not."""
    results['instances'][0]['bbox'] = [10.0, 60.0, 30.0, 95.0]
    with pytest.raises(ValueError, match=r'the box \[10, 60, 30, 95\] does not lie in the image of 100x80 pixels'):
        build()(results)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(scale=(0, 1)), 'scale must be two positive numbers'),
        (dict(aspect=(2, 1)), 'aspect must be two positive numbers'),
        (dict(shift=-0.1), 'shift must be at least 0'),
        (dict(scale=1.2), 'scale must be two positive numbers'),
        (dict(shift=(0, 1)), 'shift must be at least 0'),
    ],
)
def test_arguments_out_of_range(arguments, words):
    with pytest.raises(ValueError, match=words):
        build(**arguments)
