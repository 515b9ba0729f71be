import numpy as np
import pytest
import torch

from mmtscam.evaluation.samples import (
    image_size,
    predicted_label,
    sample_name,
    to_array,
    true_boxes,
    true_class_map,
    true_class_rank,
    true_label,
    true_mask,
)
from mmtscam.localization import PROTOCOLS

TSCAM, V1 = PROTOCOLS['tscam'], PROTOCOLS['wsol-v1']


@pytest.fixture
def sample(make_sample):
    return make_sample(
        torch.rand(3, 14, 14), label=2, labels=[4, 2, 0], size=(100, 200), mask=np.eye(4, dtype=np.uint8)
    )


def test_what_is_asked_of_a_sample(sample):
    assert sample_name(sample) == '/data/set/test/0.jpg'
    assert true_label(sample) == 2
    assert image_size(sample) == (200, 100)
    np.testing.assert_array_equal(true_class_map(sample, 'maps'), sample['class_maps']['maps'][1].numpy())
    np.testing.assert_array_equal(true_mask(sample), np.eye(4))
    assert sample_name({}) == 'a sample'


@pytest.mark.parametrize(
    ('score', 'ranks', 'best'),
    [
        ([3, 2, 1], [0, 1, 2], 0),
        ([1, 3, 2], [2, 0, 1], 1),
        ([1, 1, 1], [0, 1, 2], 0),
        ([0, 5, 5], [2, 0, 1], 1),
        ([-1, -3, -1], [0, 2, 1], 0),
    ],
)
def test_rank_among_scores(make_sample, score, ranks, best):
    samples = [make_sample(torch.rand(3, 2, 2), label=label, score=score) for label in range(3)]
    assert [true_class_rank(sample) for sample in samples] == ranks
    assert {predicted_label(sample) for sample in samples} == {best}


def test_samples_without_scores(make_sample):
    sample = make_sample(torch.rand(3, 2, 2), score=None)
    assert true_class_rank(sample) is None
    assert predicted_label(sample) is None
    sample.update(gt_rank=7, pred_label=3)
    assert (true_class_rank(sample), predicted_label(sample)) == (7, 3)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_scores_that_are_not_finite(make_sample, value):
    sample = make_sample(torch.rand(3, 2, 2), score=[0, value, 1])
    with pytest.raises(ValueError, match=r'^/data/set/test/0.jpg: the class scores are not finite'):
        true_class_rank(sample)


@pytest.mark.parametrize(
    ('protocol', 'expected'),
    [
        # tscam truncates the corner and the size and clamps to the last pixel, the benchmark neither.
        (TSCAM, [[11, 22, 43, 67], [0, 0, 223, 223]]),
        (V1, [[11, 24, 45, 70], [0, 0, 224, 224]]),
    ],
)
def test_true_boxes_in_the_frame(make_sample, protocol, expected):
    sample = make_sample(torch.rand(1, 2, 2), [[10.5, 10.75, 40.25, 31.5], [0, 0, 200, 100]], size=(100, 200))
    boxes = true_boxes(sample, protocol)
    assert boxes.dtype == np.int64
    assert boxes.tolist() == expected


def test_arrays_do_for_tensors(make_sample):
    sample = make_sample(torch.rand(1, 2, 2), [[10, 10, 50, 90]])
    expected = true_boxes(sample, V1)
    sample['gt_instances'] = dict(bboxes=np.array([[10.0, 10, 50, 90]]))
    np.testing.assert_array_equal(true_boxes(sample, V1), expected)
    sample['class_maps'] = dict(labels=np.array([0]), maps=[np.eye(3)])
    np.testing.assert_array_equal(true_class_map(sample, 'maps'), np.eye(3))


@pytest.mark.parametrize(
    ('boxes', 'valid'),
    [
        ([[0, 0, 0, 0]], True),
        ([[199, 99, 199, 99]], True),
        ([[-9, -9, 0, 0]], True),
        ([[150, 50, 999, 999]], True),
        ([[200, 0, 200, 9]], False),
        ([[0, 100, 9, 100]], False),
        ([[-9, 0, -1, 9]], False),
        ([[9, 0, 8, 9]], False),
        ([[0, 9, 9, 8]], False),
        ([[0, float('nan'), 9, 9]], False),
        ([], False),
    ],
)
@pytest.mark.parametrize('protocol', [TSCAM, V1], ids=lambda protocol: protocol.name)
def test_what_is_a_true_box(make_sample, boxes, valid, protocol):
    sample = make_sample(torch.rand(1, 2, 2), boxes, size=(100, 200))
    if valid:
        assert len(true_boxes(sample, protocol)) == 1
    else:
        with pytest.raises(ValueError, match=r'^/data/set/test/0.jpg: (a true box (lies|is)|no true box)'):
            true_boxes(sample, protocol)


@pytest.mark.parametrize(
    ('ask', 'message'),
    [
        (lambda sample: true_label({'img_path': sample['img_path']}), 'no true label to compare with'),
        (lambda sample: true_boxes({**sample, 'gt_instances': dict(bboxes=np.zeros((0, 4)))}, V1), 'no true box'),
        (lambda sample: true_mask({'img_path': sample['img_path']}), 'no true mask to compare with'),
        (lambda sample: true_class_map(sample, 'cams'), "has no maps of the kind 'cams'; there are coupled"),
        (
            lambda sample: true_class_map({**sample, 'gt_label': 1}, 'maps'),
            'no map of its true class 1 among [4, 2, 0]',
        ),
    ],
)
def test_what_is_missing_is_named(sample, ask, message):
    with pytest.raises(ValueError) as caught:
        ask(sample)
    assert str(caught.value).startswith(f'/data/set/test/0.jpg: {message}')


@pytest.mark.parametrize(
    ('value', 'dtype'),
    [
        (torch.ones(2, dtype=torch.float16), np.float32),
        (torch.ones(2, dtype=torch.bfloat16), np.float32),
        (torch.ones(2, dtype=torch.float64, requires_grad=True), np.float64),
        (torch.ones(2, dtype=torch.int8), np.int8),
        (np.ones(2, np.float16), np.float16),
        ([1.0, 1.0], np.float64),
    ],
)
def test_to_array(value, dtype):
    array = to_array(value)
    assert array.dtype == dtype
    assert array.tolist() == [1, 1]
