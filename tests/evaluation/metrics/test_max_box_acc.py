from dataclasses import replace

import numpy as np
import pytest
import torch

from mmtscam.evaluation import MaxBoxAcc, ThresholdSource, save_thresholds
from mmtscam.evaluation.thresholds import ThresholdChoice
from mmtscam.localization import box_overlaps, boxes_to_frame, get_protocol, map_to_boxes
from mmtscam.registry import METRICS

TWO_LEVELS = dict(base='wsol-v2', iou_levels=[0.4, 0.6])
PROTOCOLS = ['wsol-v1', 'wsol-v2', 'tscam', TWO_LEVELS]
SUFFIXES = {'wsol-v1': [''], 'tscam': [''], 'wsol-v2': ['_iou30', '_iou50', '_iou70']}


def _plain(samples, protocol, step, map_kind='maps'):
    """Percentages ``(L, T)``, every threshold asked one after the other."""
    protocol, grid = get_protocol(protocol), np.arange(0, 1, step)
    right = np.zeros((len(protocol.iou_levels), len(grid)))
    for sample in samples:
        (height, width), maps = sample['ori_shape'], sample['class_maps']
        score_map = maps[map_kind][maps['labels'].tolist().index(int(sample['gt_label']))].float().numpy()
        truth = boxes_to_frame(sample['gt_instances']['bboxes'].numpy(), (width, height), protocol)
        for column, threshold in enumerate(grid):
            boxes = map_to_boxes(score_map, replace(protocol, threshold=threshold))
            iou = box_overlaps(boxes, truth)[0].max()
            right[:, column] += [iou >= level for level in protocol.iou_levels]
    return 100 * right / len(samples), grid


@pytest.mark.parametrize('map_kind', ['maps', 'attention'])
@pytest.mark.parametrize('protocol', PROTOCOLS, ids=str)
def test_every_threshold_asked_one_by_one(samples, evaluate, protocol, map_kind):
    percent, grid = _plain(samples, protocol, 0.05, map_kind)
    metric = MaxBoxAcc(protocol, step=0.05, map_kind=map_kind)
    metrics = evaluate(metric, samples)
    name = metric.protocol.name
    suffixes = ['_iou40', '_iou60'] if protocol is TWO_LEVELS else SUFFIXES[name]
    expected = {
        f'{name}/maxboxacc{suffix}_oracle': level.max() for suffix, level in zip(suffixes, percent, strict=True)
    }
    if len(suffixes) > 1:
        expected = {f'{name}/maxboxacc_oracle': np.mean([level.max() for level in percent]), **expected}
    assert list(metrics) == list(expected)
    assert metrics == pytest.approx(expected)
    assert len(np.unique(percent)) > 5, 'the samples show nothing'

    result, real_kind = metric.result, 'coupled' if map_kind == 'maps' else map_kind
    assert (result.name, result.metric, result.map_kind, result.images) == (name, 'MaxBoxAcc', real_kind, 16)
    assert result.scalars() == {key.split('/')[1]: value for key, value in metrics.items()}
    curve = result.curves['accuracy_over_threshold']
    assert list(curve) == ['threshold', *(f'gt_known{suffix}' for suffix in suffixes)]
    assert list(curve.values()) == [pytest.approx(column) for column in (grid, *percent)]
    levels = result.numbers[-len(suffixes) :]
    assert [number.threshold for number in levels] == grid[percent.argmax(axis=1)].tolist()
    assert [number.count for number in levels] == np.rint(percent.max(axis=1) * 16 / 100).tolist()
    assert {number.source for number in result.numbers} == {ThresholdSource.ORACLE}
    assert result.rows == []

    mean = percent.mean(axis=0)
    best = metric.best
    assert (best.threshold, best.oracle_accuracy) == (grid[mean.argmax()], pytest.approx(mean.max()))
    assert best.level_thresholds == tuple(grid[percent.argmax(axis=1)])
    assert best.level_oracle_accuracies == pytest.approx(tuple(percent.max(axis=1)))
    assert (best.asked_kind, best.map_kind) == (map_kind, real_kind)
    assert best.protocol == replace(get_protocol(protocol), threshold=None)


def test_the_threshold_of_the_protocol_is_not_used(samples, evaluate):
    metrics = [MaxBoxAcc(dict(base='tscam', threshold=threshold), step=0.1) for threshold in (0.0, 0.9)]
    assert evaluate(metrics[0], samples) == evaluate(metrics[1], samples)
    assert metrics[0].result == metrics[1].result
    assert metrics[0].result.protocol.threshold is None


def test_an_iou_of_exactly_the_level(make_sample, map_of, evaluate):
    sample = make_sample(map_of((0, 0, 99, 99)), [[0, 0, 99, 49]])
    for level, expected in ((0.5, 100), (0.501, 0)):
        metric = MaxBoxAcc(dict(base='tscam', iou_levels=[level]), step=0.5)
        assert evaluate(metric, [sample]) == {'tscam/maxboxacc_oracle': expected}


def test_named_by_the_prefix_and_built_by_the_registry(samples, evaluate):
    metric = METRICS.build(dict(type='MaxBoxAcc', protocol='wsol-v1', step=0.5, prefix='mine'))
    assert list(evaluate(metric, samples)) == ['mine/maxboxacc_oracle']
    assert metric.result.name == 'mine'


@pytest.mark.parametrize('step', [0, -0.1, 1.5])
def test_step_out_of_range(step):
    with pytest.raises(ValueError, match=r'the step of a threshold grid must be in \(0, 1\]'):
        MaxBoxAcc(step=step)


def _hills(make_sample, map_of):
    """Thresholds in quarters: the lower two give the large box and the upper two the small one.

    Two images have the small box and one the large one.
    """
    small, large = (0, 0, 60, 60), (0, 0, 200, 200)
    hill = torch.maximum(0.5 * map_of(large), map_of(small))
    return [make_sample(hill, [box], img_id=index) for index, box in enumerate((small, small, large))]


def _thresholds(path, protocol, levels, images=('elsewhere/val/1.jpg',), asked_kind='maps'):
    choice = ThresholdChoice(
        get_protocol(protocol), asked_kind, 'coupled', threshold=0.0, oracle_accuracy=1.0, level_thresholds=levels,
        level_oracle_accuracies=(2.0,) * len(levels),
    )  # fmt: skip
    save_thresholds(path, [choice], images, {})
    return str(path)


def test_thresholds_of_a_file_by_hand(make_sample, map_of, evaluate, tmp_path):
    file = _thresholds(tmp_path / 'thresholds.json', TWO_LEVELS, (0.25, 0.5))
    metric = MaxBoxAcc(TWO_LEVELS, threshold_file=file, step=0.25)
    metrics = evaluate(metric, _hills(make_sample, map_of))
    assert metrics == {
        'wsol-v2/maxboxacc_oracle': pytest.approx(200 / 3),
        'wsol-v2/maxboxacc_iou40_oracle': pytest.approx(200 / 3),
        'wsol-v2/maxboxacc_iou60_oracle': pytest.approx(200 / 3),
        'wsol-v2/boxacc_val': pytest.approx(50),
        'wsol-v2/boxacc_iou40_val': pytest.approx(100 / 3),
        'wsol-v2/boxacc_iou60_val': pytest.approx(200 / 3),
    }
    numbers = {number.key: (number.threshold, number.count, number.source.value) for number in metric.result.numbers}
    assert numbers == {
        'maxboxacc_oracle': (None, None, 'oracle'),
        'maxboxacc_iou40_oracle': (0.5, 2, 'oracle'),
        'maxboxacc_iou60_oracle': (0.5, 2, 'oracle'),
        'boxacc_val': (None, None, 'val'),
        'boxacc_iou40_val': (0.25, 1, 'val'),
        'boxacc_iou60_val': (0.5, 2, 'val'),
    }
    assert metric.best.level_thresholds == (0.5, 0.5)  # not those of the file


def test_one_level_of_a_file(make_sample, map_of, evaluate, tmp_path):
    file = _thresholds(tmp_path / 'thresholds.json', 'wsol-v1', (0.25,))
    metrics = evaluate(MaxBoxAcc('wsol-v1', threshold_file=file, step=0.25), _hills(make_sample, map_of))
    assert metrics == {
        'wsol-v1/maxboxacc_oracle': pytest.approx(200 / 3),
        'wsol-v1/boxacc_val': pytest.approx(100 / 3),
    }


def test_a_step_that_does_not_fit_the_file(tmp_path):
    file = _thresholds(tmp_path / 'thresholds.json', 'wsol-v1', (float(np.arange(0, 1, 0.05)[7]),))
    MaxBoxAcc('wsol-v1', threshold_file=file, step=0.05)
    with pytest.raises(ValueError, match=r'thresholds.json: thresholds \(0.35\d*,\) are not on a grid of step 0.1'):
        MaxBoxAcc('wsol-v1', threshold_file=file, step=0.1)


def test_a_map_that_cannot_be_scored_is_named(make_sample, map_of, evaluate):
    metric = MaxBoxAcc(dict(base='wsol-v2', normalize=False))
    maps = [map_of((0, 0, 9, 9)), 2 * map_of((0, 0, 9, 9)), map_of((0, 0, 9, 9))]
    with pytest.raises(ValueError, match=r'^/data/set/test/1.jpg: a map of shape \(224, 224\) with values from 0 to 2'):
        evaluate(metric, [make_sample(score_map, img_id=index) for index, score_map in enumerate(maps)])


@pytest.mark.parametrize('protocol', ['tscam', 'wsol-v1', 'wsol-v2'])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_map_that_is_not_finite_counts_as_the_empty_box(make_sample, evaluate, protocol, value):
    score_map = torch.rand(14, 14)
    score_map[3, 4] = value
    name = f'{get_protocol(protocol).name}/maxboxacc_oracle'
    empty = [get_protocol(protocol).empty_box]
    assert evaluate(MaxBoxAcc(protocol, step=0.25), [make_sample(score_map, empty)])[name] == 100
    assert evaluate(MaxBoxAcc(protocol, step=0.25), [make_sample(score_map, [[9, 9, 60, 60]])])[name] == 0


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        (None, 'no true box to compare with; give the data set a box reader'),
        ([[0, 0, 9, 9], [20, 5, 10, 9]], 'a true box is inverted or not finite: [[0.0, 0.0, 9.0, 9.0], [20'),
        ([[224, 0, 300, 9]], 'a true box lies outside the image of 224x224: [[224'),
    ],
)
def test_bad_truth(make_sample, map_of, boxes, message):
    sample = make_sample(map_of((0, 0, 9, 9)), boxes)
    with pytest.raises(ValueError) as caught:
        MaxBoxAcc().process({}, [sample])
    assert str(caught.value).startswith(f'/data/set/test/0.jpg: {message}')


def test_images_without_an_object_are_left_out(samples, evaluate):
    bare = [{**sample, 'gt_instances': dict(bboxes=np.zeros((0, 4)))} for sample in samples]
    metric, alone = MaxBoxAcc(), MaxBoxAcc()
    mixed = [*samples[:4], *bare[4:6], samples[6], *bare[7:9]]
    assert evaluate(metric, mixed) == evaluate(alone, [*samples[:4], samples[6]])
    assert (metric.result.images, metric.result.with_object) == (9, 5)
    assert {number.images for number in metric.result.numbers} == {5}


def test_images_without_an_object_on_two_processes(samples, evaluate, evaluate_on_two):
    """The last image of the first process shows none, and that of the second is a repeated one."""
    bare = [{**sample, 'gt_instances': dict(bboxes=np.zeros((0, 4)))} for sample in samples]
    size = 5
    mixed = [samples[0], bare[1], samples[2], samples[3], bare[4]]
    dealt = [*mixed, mixed[0]]
    (first, result), (second, _) = evaluate_on_two(MaxBoxAcc(), (dealt[::2], dealt[1::2]), size)
    assert first == second == evaluate(MaxBoxAcc(), [samples[0], samples[2], samples[3]])
    assert (result.images, result.with_object) == (5, 3)
