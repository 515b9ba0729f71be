import cv2
import numpy as np
import pytest
import torch

from mmtscam.evaluation import PixelAP
from mmtscam.localization import get_protocol
from mmtscam.registry import METRICS

INTERPOLATION = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC}


def _nearest(side, old):
    return (np.arange(side) * (1 / (side / old))).astype(int)  # rounded as OpenCV does it


def _plain(samples, protocol, step, map_kind='maps'):
    """PxAP, precision and recall from all pixels of all images, compared with one threshold after the other."""
    protocol = get_protocol(protocol)
    width, height = protocol.frame
    scores, truth = [], []
    for sample in samples:
        maps = sample['class_maps']
        score_map = maps[map_kind][maps['labels'].tolist().index(int(sample['gt_label']))].float().numpy()
        score_map = cv2.resize(score_map, protocol.frame, interpolation=INTERPOLATION[protocol.interpolation])
        scores.append((score_map - score_map.min()) / np.ptp(score_map))
        mask = sample['gt_sem_seg']['sem_seg'][0].numpy()
        rows, columns = (_nearest(side, old) for side, old in zip((height, width), mask.shape, strict=True))
        truth.append(mask[rows][:, columns])
    scores, truth = np.array(scores, np.float64).ravel(), np.array(truth).ravel()
    scores, truth = scores[truth != 255], truth[truth != 255] > 0
    area, last, curve = 0.0, 0.0, []
    for threshold in [1.0, *np.arange(0, 1, step)[::-1]]:
        found = scores >= threshold
        precision, recall = truth[found].mean(), (truth & found).sum() / truth.sum()
        area, last = area + precision * (recall - last), recall
        curve.append((threshold, precision, recall))
    return 100 * area, curve


@pytest.mark.parametrize('map_kind', ['maps', 'attention'])
@pytest.mark.parametrize(
    'protocol',
    ['wsol-v2', 'tscam', dict(base='tscam', frame=[100, 60], name='tscam')],
    ids=str,
)
def test_every_pixel_asked_at_every_threshold(samples, evaluate, protocol, map_kind):
    area, curve = _plain(samples, protocol, 0.05, map_kind)
    metric = PixelAP(protocol, step=0.05, map_kind=map_kind)
    name = metric.protocol.name
    assert evaluate(metric, samples) == {f'{name}/pxap': pytest.approx(area, abs=1e-9)}
    assert 20 < area < 95
    result, real_kind = metric.result, 'coupled' if map_kind == 'maps' else map_kind
    assert (result.name, result.metric, result.map_kind, result.images) == (name, 'PixelAP', real_kind, 16)
    assert [(number.threshold, number.source) for number in result.numbers] == [(None, None)]
    assert list(result.curves['precision_recall']) == ['threshold', 'precision', 'recall']
    columns = result.curves['precision_recall'].values()
    assert list(zip(*columns, strict=True)) == [pytest.approx(point) for point in curve]


def test_by_hand(make_sample, evaluate):
    """Eight bright pixels, of which six are of the object's nine; one of each is ignored."""
    score_map, mask = torch.zeros(4, 4), np.zeros((4, 4), np.uint8)
    score_map[:2] = 1
    mask[0, :], mask[1, 1:3], mask[2:, 0], mask[3, 3] = 1, 1, 1, 1
    mask[0, 3] = mask[3, 3] = 255
    metric = PixelAP(dict(base='wsol-v2', frame=[4, 4], name='wsol-v2'), step=0.5)
    metrics = evaluate(metric, [make_sample(score_map, boxes=None, mask=mask)])
    assert metrics['wsol-v2/pxap'] == pytest.approx(100 * (5 / 7 * 5 / 7 + 7 / 14 * 2 / 7))


@pytest.mark.parametrize('factor', [2, 7])
def test_a_mask_of_another_size_than_the_frame(make_sample, evaluate, factor):
    score_map = torch.rand(32, 32)
    mask = (torch.rand(32, 32) < score_map).numpy().astype(np.uint8)
    larger = np.kron(mask, np.ones((factor, factor), np.uint8))
    results = []
    for truth in (mask, larger):
        metric = PixelAP(dict(base='tscam', frame=[32, 32], name='tscam'))
        results.append(evaluate(metric, [make_sample(score_map, mask=truth)]))
    assert results[0] == results[1]
    assert 50 < results[0]['tscam/pxap'] < 100


def test_any_value_but_0_and_255_is_foreground(make_sample, evaluate):
    score_map = torch.rand(224, 224)
    mask = (torch.rand(224, 224) < score_map).numpy().astype(np.uint8)
    one, many = (evaluate(PixelAP(), [make_sample(score_map, mask=truth)]) for truth in (mask, 254 * mask))
    assert one == many


def test_a_perfect_map_and_its_opposite(make_sample, map_of, evaluate):
    mask = map_of((0, 0, 112, 224)).numpy().astype(np.uint8)
    for score_map, expected in ((mask, 100), (1 - mask, 50)):
        assert evaluate(PixelAP(), [make_sample(1.0 * score_map, mask=mask)]) == {
            'wsol-v2/pxap': pytest.approx(expected)
        }


def test_precision_where_no_score_is_high_is_not_defined(make_sample, map_of, evaluate):
    metric = PixelAP(dict(base='wsol-v2', normalize=False), step=0.5)
    metrics = evaluate(metric, [make_sample(0.25 * map_of((0, 0, 9, 9)), mask=map_of((0, 0, 9, 9)).byte().numpy())])
    precision = metric.result.curves['precision_recall']['precision']
    assert np.isnan(precision).tolist() == [True, True, False]
    assert metrics['wsol-v2/pxap'] == pytest.approx(100 * 81 / 224**2)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_map_that_is_not_finite_says_nothing(make_sample, evaluate, value):
    mask = np.zeros((10, 10), np.uint8)
    mask[:3] = 1
    frame = dict(base='wsol-v2', frame=[10, 10], name='wsol-v2')
    score_map = torch.rand(10, 10)
    score_map[2, 2] = value
    assert evaluate(PixelAP(frame), [make_sample(score_map, mask=mask)]) == {'wsol-v2/pxap': pytest.approx(30)}


def test_without_boxes_every_image_counts(make_sample, map_of, evaluate):
    """A mask without foreground, or with an object too thin for the frame, is all background: the benchmark's rule."""
    score_map = map_of((0, 0, 9, 9))
    thin = np.zeros((5, 1000), np.uint8)
    thin[:, 1] = 1
    masks = [np.eye(5, dtype=np.uint8), np.zeros((5, 5), np.uint8), thin, np.full((5, 5), 255, np.uint8)]
    samples = [make_sample(score_map, None, mask=mask, img_id=index) for index, mask in enumerate(masks)]
    metric = PixelAP(step=0.05)
    metrics = evaluate(metric, samples)
    assert metrics['wsol-v2/pxap'] == pytest.approx(_plain(samples, 'wsol-v2', 0.05)[0])
    assert metric.result.counts == '4 images, 4 with a true mask'
    with pytest.raises(ValueError, match='no mask has a foreground pixel'):
        evaluate(PixelAP(), samples[1:])


def test_an_image_without_a_true_box_is_left_out(make_sample, map_of, evaluate):
    score_map, mask = map_of((0, 0, 9, 9)), np.eye(5, dtype=np.uint8)
    samples = [
        make_sample(score_map, boxes, mask=mask, img_id=index) for index, boxes in enumerate([[(0, 0, 5, 5)], []])
    ]
    metric = PixelAP()
    assert evaluate(metric, samples) == evaluate(PixelAP(), samples[:1])
    assert metric.result.counts == '2 images, 1 with a true mask'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(mask=None), 'no true mask to compare with; give the data set a mask reader'),
        (dict(mask=np.zeros((0, 5), np.uint8)), 'a mask must be a non-empty (H, W) array, got shape (0, 5)'),
        (dict(label=1, labels=[0]), 'no map of its true class 1 among [0]'),
    ],
)
def test_bad_samples_are_named(make_sample, changes, message):
    sample = make_sample(torch.rand(1, 14, 14), **{'mask': np.ones((5, 5), np.uint8), **changes})
    with pytest.raises(ValueError) as caught:
        PixelAP().process({}, [sample])
    assert str(caught.value) == f'/data/set/test/0.jpg: {message}'


def test_built_by_the_registry(samples, evaluate):
    metric = METRICS.build(dict(type='PixelAP', protocol='tscam', step=0.1, prefix='mine'))
    assert list(evaluate(metric, samples)) == ['mine/pxap']
