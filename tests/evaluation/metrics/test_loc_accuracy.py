import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.structures import InstanceData

from mmtscam.evaluation import LocAccuracy, Number, ThresholdChoice, ThresholdSource, save_thresholds
from mmtscam.evaluation.report_rows import ROW_KEYS
from mmtscam.localization import PROTOCOLS, get_protocol
from mmtscam.registry import METRICS
from mmtscam.structures import LocDataSample, MapKind

V2_AT_50 = dict(base='wsol-v2', iou_levels=[0.5])

OUTCOMES = ('classification', 'right', 'multi_instance', 'part', 'more', 'other')
GOLDEN_OUTCOMES = dict(zip(OUTCOMES, ('cls_err', 'right', 'multi_instance', 'part', 'more', 'other'), strict=True))


def _sample(score, label, boxes, maps, labels=None, threshold=0.1, size=(224, 224), **more_maps):
    """A sample as a model hands it to a metric; ``size`` is (height, width)."""
    sample = LocDataSample(metainfo=dict(img_path='some/image.jpg', ori_shape=size, img_shape=(224, 224)))
    sample.set_gt_label(label).set_pred_score(torch.as_tensor(score, dtype=torch.float32))
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.full((len(boxes),), label))
    maps = torch.as_tensor(maps)
    labels = torch.arange(len(maps)) if labels is None else torch.tensor(labels)
    kinds = tuple(MapKind(name, f'{name} map') for name in ('coupled', *more_maps))
    metainfo = dict(map_kind='coupled', map_kinds=kinds)
    if threshold is not None:
        metainfo['threshold'] = threshold
    sample.class_maps = InstanceData(labels=labels, maps=maps, coupled=maps, metainfo=metainfo, **more_maps)
    return sample.to_dict()


def _map_of(box):
    """A map of which the tscam protocol makes exactly this box."""
    x1, y1, x2, y2 = box
    score_map = torch.zeros(224, 224)
    score_map[y1:y2, x1:x2] = 1
    return score_map


def _evaluate(samples, **kwargs):
    metric = LocAccuracy(**kwargs)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def _one(box, truth, label=0, score=(3, 2, 1), **kwargs):
    """Evaluation of one image in which the true class's map asks for ``box``."""
    return _evaluate([_sample(score, label, truth, torch.stack([_map_of(box)] * 3))], **kwargs)


def _golden_samples(golden, threshold=None):
    truth = np.split(golden['gt_boxes'], np.cumsum(golden['gt_counts'])[:-1])
    return [
        _sample(logits, int(label), boxes, maps, threshold=threshold)
        for maps, logits, label, boxes in zip(golden['maps'], golden['logits'], golden['labels'], truth, strict=True)
    ]


@pytest.mark.parametrize('threshold', [0.1, 0.12, 0.3])
@pytest.mark.parametrize('source', ['argument', 'sample', 'protocol'])
def test_reference_evaluation(golden_eval, threshold, source):
    kwargs = {
        'argument': dict(threshold=threshold),
        'sample': {},
        'protocol': dict(protocol=dict(base='tscam', threshold=threshold)),
    }[source]
    samples = _golden_samples(golden_eval, threshold=threshold if source == 'sample' else None)
    metrics = _evaluate(samples, **kwargs)
    golden = {key.split('_', 1)[1]: golden_eval[key] for key in golden_eval if key.startswith(f'thr{threshold}_')}
    for name in ('cls_top1', 'cls_top5', 'loc_top1', 'loc_top5', 'gt_known'):
        assert metrics[f'tscam/{name}'] == pytest.approx(100 * golden[name].mean(dtype=np.float64), abs=1e-9), name
    for ours, theirs in GOLDEN_OUTCOMES.items():
        assert metrics[f'tscam/outcome_{ours}'] == golden[theirs].sum(), ours


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(96)), batch=st.integers(1, 96))
def test_neither_order_nor_batches_matter(golden_eval, order, batch):
    samples = _golden_samples(golden_eval)
    first, second = LocAccuracy(), LocAccuracy()
    first.process({}, samples)
    for start in range(0, 96, batch):
        second.process({}, [samples[index] for index in order[start : start + batch]])
    assert second.evaluate(96) == first.evaluate(96)
    assert second.result.rows == [first.result.rows[index] for index in order]


def test_names_of_the_results(golden_eval):
    metrics = _evaluate(_golden_samples(golden_eval)[:4], topk=(1, 3))
    names = ['cls_top1', 'cls_top3', 'loc_top1', 'loc_top3', 'gt_known', *(f'outcome_{name}' for name in OUTCOMES)]
    assert list(metrics) == [f'tscam/{name}' for name in names]
    assert next(iter(_evaluate(_golden_samples(golden_eval)[:1], prefix='mine'))) == 'mine/cls_top1'


def _slow_iou(box, other):
    def pixels(b):
        return {(x, y) for x in range(b[0], b[2] + 1) for y in range(b[1], b[3] + 1)}

    a, b = pixels(box), pixels(other)
    return len(a & b) / len(a | b)


def test_recomputed_by_counting_pixels():
    """Random boxes drawn as maps, so that no function of ours is needed to know the box."""
    rng = np.random.default_rng(0)
    samples, expected = [], {name: [] for name in ('cls_top1', 'cls_top2', 'loc_top1', 'loc_top2', 'gt_known')}
    for _ in range(40):
        x1, y1 = rng.integers(0, 60, 2).tolist()
        box = (x1, y1, x1 + int(rng.integers(10, 60)), y1 + int(rng.integers(10, 60)))
        truth = np.clip(np.array(box) + rng.integers(-12, 13, (int(rng.integers(1, 4)), 4)), 0, 223)
        truth[:, 2:] = np.maximum(truth[:, 2:], truth[:, :2] + 1)
        score, label = rng.permutation(4).tolist(), int(rng.integers(4))
        maps = torch.rand(4, 224, 224)
        maps[label] = _map_of(box)
        samples.append(_sample(score, label, truth, maps))
        iou = max(_slow_iou(box, other) for other in truth.tolist())
        rank = sum(value > score[label] for value in score)
        for k in (1, 2):
            expected[f'cls_top{k}'].append(rank < k)
            expected[f'loc_top{k}'].append(rank < k and iou > 0.5)
        expected['gt_known'].append(iou >= 0.5)
    metrics = _evaluate(samples, topk=(1, 2))
    for name, values in expected.items():
        assert 0 < sum(values) < 40, name
        assert metrics[f'tscam/{name}'] == pytest.approx(100 * sum(values) / 40), name


def test_an_iou_of_exactly_one_half():
    metrics = _one((0, 0, 99, 99), [[0, 0, 99, 49]])
    assert metrics['tscam/gt_known'] == 100.0
    assert metrics['tscam/loc_top1'] == 0.0
    assert metrics['tscam/outcome_right'] == 0


@pytest.mark.parametrize(
    ('truth', 'outcome'),
    [
        ([[0, 0, 99, 99]], 'right'),
        ([[0, 0, 99, 39], [0, 60, 99, 99]], 'multi_instance'),
        ([[0, 0, 199, 199]], 'part'),
        ([[0, 0, 20, 20]], 'more'),
        ([[150, 150, 199, 199]], 'other'),
    ],
)
def test_outcome_of_a_right_class(truth, outcome):
    metrics = _one((0, 0, 99, 99), truth)
    assert {name for name in OUTCOMES if metrics[f'tscam/outcome_{name}']} == {outcome}


def test_a_wrong_class_is_that_outcome_wherever_the_box_is():
    metrics = _one((0, 0, 99, 99), [[0, 0, 99, 99]], score=(2, 3, 1))
    assert metrics['tscam/outcome_classification'] == 1
    assert metrics['tscam/outcome_right'] == 0
    assert (metrics['tscam/cls_top1'], metrics['tscam/loc_top1']) == (0.0, 0.0)
    assert (metrics['tscam/cls_top5'], metrics['tscam/loc_top5'], metrics['tscam/gt_known']) == (100.0, 100.0, 100.0)


def test_outcomes_add_up(golden_eval):
    for threshold in (0.0, 0.2, 0.9):
        metrics = _evaluate(_golden_samples(golden_eval), threshold=threshold)
        assert sum(metrics[f'tscam/outcome_{name}'] for name in OUTCOMES) == 96
        assert metrics['tscam/outcome_classification'] == round(96 * (1 - metrics['tscam/cls_top1'] / 100))
        assert metrics['tscam/outcome_right'] == round(96 * metrics['tscam/loc_top1'] / 100)


def test_outcomes_fit_together_at_another_iou_level(golden_eval):
    protocol = dict(base='tscam', iou_levels=[0.3])
    metrics = _evaluate(_golden_samples(golden_eval), protocol=protocol)
    assert metrics['tscam/loc_top1'] > _evaluate(_golden_samples(golden_eval))['tscam/loc_top1']
    assert metrics['tscam/outcome_right'] == round(96 * metrics['tscam/loc_top1'] / 100)


def test_equal_scores_do_not_make_every_class_right():
    box = (0, 0, 99, 99)
    maps = torch.stack([_map_of(box)] * 20)
    samples = [_sample(torch.zeros(20), label, [[0, 0, 99, 99]], maps) for label in range(20)]
    metrics = _evaluate(samples)
    assert metrics['tscam/cls_top1'] == metrics['tscam/loc_top1'] == pytest.approx(5.0)
    assert metrics['tscam/cls_top5'] == metrics['tscam/loc_top5'] == pytest.approx(25.0)
    assert metrics['tscam/gt_known'] == 100.0


def test_topk_beyond_the_number_of_classes():
    metrics = _one((0, 0, 99, 99), [[0, 0, 99, 99]], label=2, topk=(1, 3, 5))
    assert [metrics[f'tscam/cls_top{k}'] for k in (1, 3, 5)] == [0.0, 100.0, 100.0]
    assert _one((0, 0, 99, 99), [[0, 0, 99, 99]], label=2, topk=(1,))['tscam/cls_top1'] == 0.0


def test_the_map_of_the_true_class_is_scored_wherever_it_stands():
    maps = torch.stack([_map_of((150, 150, 200, 200)), _map_of((0, 0, 99, 99))])
    for labels, expected in (([5, 2], 100.0), ([2, 5], 0.0)):
        sample = _sample(torch.arange(8), 2, [[0, 0, 99, 99]], maps, labels=labels)
        assert _evaluate([sample])['tscam/gt_known'] == expected


def test_boxes_are_scaled_from_the_original_image():
    sample = _sample([1, 0], 0, [[0, 0, 400, 50]], torch.stack([_map_of((0, 0, 112, 112))] * 2), size=(100, 800))
    metrics = _evaluate([sample])
    assert metrics['tscam/gt_known'] == 100.0
    assert metrics['tscam/outcome_right'] == 1


def test_the_maps_to_score_can_be_chosen():
    maps, attention = (torch.stack([_map_of(box)] * 2) for box in ((150, 150, 200, 200), (0, 0, 99, 99)))
    sample = _sample([1, 0], 0, [[0, 0, 99, 99]], maps, attention=attention)
    assert _evaluate([sample])['tscam/gt_known'] == 0.0
    assert _evaluate([sample], map_kind='maps')['tscam/gt_known'] == 0.0
    assert _evaluate([sample], map_kind='attention')['tscam/gt_known'] == 100.0


def _hill():
    """Half as large a box at threshold 0.8 as at 0.1."""
    score_map = 0.5 * _map_of((0, 0, 200, 200))
    return torch.maximum(score_map, _map_of((0, 0, 60, 60))).expand(2, -1, -1)


@pytest.mark.parametrize(
    ('in_sample', 'argument', 'small'),
    [(0.8, None, True), (0.1, None, False), (0.1, 0.8, True), (0.8, 0.1, False), (None, None, False), (0.8, 0, False)],
)
def test_threshold_of_the_head_unless_one_is_given(in_sample, argument, small):
    sample = _sample([1, 0], 0, [[0, 0, 60, 60]], _hill(), threshold=in_sample)
    assert _evaluate([sample], threshold=argument)['tscam/gt_known'] == (100.0 if small else 0.0)


def test_a_threshold_in_the_protocol_is_used():
    sample = _sample([1, 0], 0, [[0, 0, 60, 60]], _hill(), threshold=None)
    assert _evaluate([sample], protocol=dict(base='tscam', threshold=0.8))['tscam/gt_known'] == 100.0


@pytest.mark.parametrize('map_shape', [(14, 14), (224, 224), (1, 1), (6, 6)])
@pytest.mark.parametrize('value', [0.0, 1.0, 0.3, -2.5])
@pytest.mark.parametrize(('protocol', 'name'), [('tscam', 'tscam'), ('wsol-v1', 'wsol-v1'), (V2_AT_50, 'wsol-v2')])
def test_a_constant_map_is_the_empty_box(map_shape, value, protocol, name):
    maps = torch.full((2, *map_shape), value)
    for truth, expected in (([[0, 0, 223, 223]], 0.0), ([[0, 0, 1, 1]], 100.0 if protocol == 'tscam' else 0.0)):
        metrics = _evaluate([_sample([1, 0], 0, truth, maps)], protocol=protocol)
        assert metrics[f'{name}/gt_known'] == expected
        assert not any(math.isnan(number) for number in metrics.values())


def test_wsol_v2_takes_the_best_of_all_contours():
    maps = torch.maximum(_map_of((0, 0, 100, 100)), _map_of((150, 150, 200, 200))).expand(2, -1, -1)
    sample = _sample([1, 0], 0, [[150, 150, 200, 200]], maps)
    assert _evaluate([sample], protocol='wsol-v1')['wsol-v1/gt_known'] == 0.0
    assert _evaluate([sample], protocol=V2_AT_50)['wsol-v2/gt_known'] == 100.0


@pytest.mark.parametrize('box', [(0, 0, 100, 100), (150, 150, 200, 200)])
def test_the_best_of_all_contours_is_the_one_in_the_rows(box):
    maps = torch.maximum(_map_of((0, 0, 100, 100)), _map_of((150, 150, 200, 200))).expand(2, -1, -1)
    metric = LocAccuracy(V2_AT_50)
    metric.process({}, [_sample([1, 0], 0, [box], maps)])
    assert metric.evaluate(1)['wsol-v2/outcome_right'] == 1
    assert tuple(metric.result.rows[0][edge] for edge in ('x1', 'y1', 'x2', 'y2')) == box


def test_protocol_as_a_dict():
    protocol = dict(base='wsol-v2', iou_levels=[0.9], threshold=0.5)
    assert _one((0, 0, 99, 99), [[0, 0, 99, 85]], protocol=protocol)['wsol-v2/gt_known'] == 0.0
    assert _one((0, 0, 99, 99), [[0, 0, 99, 95]], protocol=protocol)['wsol-v2/gt_known'] == 100.0
    protocol = dict(base='tscam', name='mine')
    assert _one((0, 0, 99, 99), [[0, 0, 99, 99]], protocol=protocol)['mine/gt_known'] == 100.0
    with pytest.raises(ValueError, match="unknown protocol 'cam'"):
        LocAccuracy(protocol='cam')
    with pytest.raises(ValueError, match='threshold must be in'):
        LocAccuracy(threshold=1.0)


def test_built_by_the_registry():
    metric = METRICS.build(dict(type='LocAccuracy', protocol='tscam', map_kind='semantic', prefix='tscam-semantic'))
    assert type(metric) is LocAccuracy
    assert (metric.map_kind, metric.prefix) == ('semantic', 'tscam-semantic')


def _good():
    return _sample([1.0, 0.0], 0, [[0, 0, 99, 99]], torch.rand(2, 14, 14))


def _error(sample, **kwargs):
    metric = LocAccuracy(**kwargs)
    with pytest.raises(ValueError) as caught:
        metric.process({}, [_good(), sample])
    assert str(caught.value).startswith('some/image.jpg: ')
    return str(caught.value)


def test_no_true_box():
    sample = _good()
    del sample['gt_instances']
    assert 'no true box' in _error(sample)


def test_images_without_an_object_count_for_classification_alone():
    """Four images, right, wrong, right and right in their class; the last two show no object."""
    maps = torch.stack([_map_of((0, 0, 112, 111))] * 2)
    there, bare = [[0, 0, 112, 111]], []
    scores = [([2, 1], 0, there), ([2, 1], 1, there), ([2, 1], 0, bare), ([1, 2], 1, bare)]
    samples = [_sample(*each, maps, threshold=0.1) for each in scores]
    metric = LocAccuracy(topk=1)
    metric.dataset_meta = {}
    metric.process({}, samples)
    metrics = metric.evaluate(4)
    assert metrics['tscam/cls_top1'] == 75
    assert metrics['tscam/loc_top1'] == 50
    assert metrics['tscam/gt_known'] == 100
    assert sum(value for name, value in metrics.items() if 'outcome' in name) == 2
    result = metric.result
    assert (result.images, result.with_object, result.counts) == (4, 2, '4 images, 2 with a true box')
    assert {number.key: (number.count, number.images) for number in result.numbers if number.count is not None} == dict(
        cls_top1=(3, 4), loc_top1=(1, 2), gt_known=(2, 2)
    )
    row = result.rows[2]
    assert (row['true_label'], row['rank']) == (0, 1)
    assert {row[name] for name in ('x1', 'y1', 'x2', 'y2', 'iou', 'outcome')} == {None}
    assert max(result.curves['accuracy_over_iou']['gt_known']) == 100


def test_no_image_shows_an_object():
    metric = LocAccuracy()
    metric.dataset_meta = {}
    metric.process({}, [_sample([1.0, 0.0], 0, [], torch.rand(2, 14, 14))])
    with pytest.raises(ValueError, match='LocAccuracy: none of the 1 images has a true box to compare with'):
        metric.evaluate(1)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_scores_that_are_not_finite(value):
    sample = _good()
    sample['pred_score'] = torch.tensor([0.5, value])
    assert 'not finite' in _error(sample)


def test_no_map_of_the_true_class():
    sample = _sample(torch.arange(6), 4, [[0, 0, 99, 99]], torch.rand(2, 14, 14), labels=[5, 3])
    assert 'no map of its true class 4 among [5, 3]' in _error(sample)


def test_unknown_kind_of_map():
    assert "has no maps of the kind 'gradients'; there are coupled" in _error(_good(), map_kind='gradients')


def test_several_iou_levels():
    """At an IoU of exactly one half."""
    protocol = dict(base='tscam', iou_levels=[0.3, 0.5, 0.7])
    metrics = _one((0, 0, 99, 99), [[0, 0, 99, 49]], protocol=protocol, topk=(1,))
    assert {name: value for name, value in metrics.items() if 'outcome' not in name} == {
        'tscam/cls_top1': 100,
        'tscam/loc_top1_iou30': 100,
        'tscam/loc_top1_iou50': 0,
        'tscam/loc_top1_iou70': 0,
        'tscam/loc_top1_mean': pytest.approx(100 / 3),
        'tscam/gt_known_iou30': 100,
        'tscam/gt_known_iou50': 100,
        'tscam/gt_known_iou70': 0,
        'tscam/gt_known_mean': pytest.approx(200 / 3),
    }
    assert [name.split('outcome_')[1] for name in metrics if 'outcome' in name] == list(OUTCOMES)


def test_each_iou_level_as_if_it_were_alone(golden_eval):
    samples = _golden_samples(golden_eval)
    levels = [0.25, 0.5, 0.725]
    together = _evaluate(samples, protocol=dict(base='wsol-v2', iou_levels=levels, threshold=0.3))
    for level, suffix in zip(levels, ('_iou25', '_iou50', '_iou72.5'), strict=True):
        alone = _evaluate(samples, protocol=dict(base='wsol-v2', iou_levels=[level], threshold=0.3))
        for name in ('loc_top1', 'loc_top5', 'gt_known'):
            assert together[f'wsol-v2/{name}{suffix}'] == alone[f'wsol-v2/{name}'], (name, level)
    for name in ('loc_top1', 'loc_top5', 'gt_known'):
        values = [together[f'wsol-v2/{name}{suffix}'] for suffix in ('_iou25', '_iou50', '_iou72.5')]
        assert together[f'wsol-v2/{name}_mean'] == pytest.approx(np.mean(values))
        assert values[0] > values[1] > values[2]


@pytest.mark.parametrize(
    ('truth', 'limits', 'outcome'),
    [
        ([[0, 0, 99, 49]], {}, 'more'),  # IoU and IoB are one half, IoG is 1
        ([[0, 0, 99, 49]], dict(iou=0.49), 'right'),
        ([[0, 0, 99, 49]], dict(part_iob=0.49), 'part'),
        ([[0, 0, 99, 49]], dict(more_iog=1.1), 'other'),
        ([[0, 0, 99, 39], [0, 90, 99, 129]], {}, 'more'),  # IoG of the second: 0.25
        ([[0, 0, 99, 39], [0, 90, 99, 129]], dict(multi_instance_iog=0.2), 'multi_instance'),
    ],
)
def test_outcome_limits(truth, limits, outcome):
    metrics = _one((0, 0, 99, 99), truth, outcome_limits=limits)
    assert {name for name in OUTCOMES if metrics[f'tscam/outcome_{name}']} == {outcome}


def test_limit_of_right_with_several_levels():
    protocol = dict(base='tscam', iou_levels=[0.3, 0.7])
    for rows, right in ((44, 0), (54, 1)):  # IoU of 0.45 and 0.55
        metrics = _one((0, 0, 99, 99), [[0, 0, 99, rows]], protocol=protocol)
        assert metrics['tscam/outcome_right'] == right
    assert _one((0, 0, 99, 99), [[0, 0, 99, 44]], protocol=protocol, outcome_limits=dict(iou=0.3))[
        'tscam/outcome_right'
    ]


@pytest.mark.parametrize(
    ('kwargs', 'error', 'message'),
    [
        (dict(topk=()), ValueError, 'topk must name values of at least 1'),
        (dict(topk=(1, 0)), ValueError, 'topk must name values of at least 1'),
        (dict(outcome_limits=dict(iog=0.3)), TypeError, "'iog'"),
        (dict(threshold=0.0, threshold_file='a.json'), ValueError, 'give threshold or threshold_file, not both'),
    ],
)
def test_bad_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        LocAccuracy(**kwargs)


@pytest.mark.parametrize('levels', [[0.5], [0.3, 0.5]])
def test_threshold_of_a_file(tmp_path, levels):
    """Above 0.5 the small box is drawn, and it is right."""
    protocol = dict(base='tscam', iou_levels=levels)
    accuracies = (99.0,) * len(levels)
    choice = ThresholdChoice(get_protocol(protocol), 'maps', 'coupled', 0.8, 99.0, (0.1,) * len(levels), accuracies)
    save_thresholds(tmp_path / 'thresholds.json', [choice], ['val/other/image.jpg'], {})
    metric = LocAccuracy(protocol, threshold_file=str(tmp_path / 'thresholds.json'), topk=(1,))
    metric.process({}, [_sample([1, 0], 0, [[0, 0, 60, 60]], _hill(), threshold=0.2)])
    metrics = metric.evaluate(1)
    suffixes = [''] if len(levels) == 1 else ['_iou30', '_iou50', '_mean']
    located = [f'tscam/{name}{suffix}_val' for name in ('loc_top1', 'gt_known') for suffix in suffixes]
    assert list(metrics) == ['tscam/cls_top1', *located, *(f'tscam/outcome_{name}_val' for name in OUTCOMES)]
    assert {metrics[name] for name in located} == {100.0}
    assert {number.threshold for number in metric.result.numbers if number.source} == {0.8}
    assert {number.source for number in metric.result.numbers} == {None, ThresholdSource.VAL}
    assert [(row['threshold'], row['threshold_source']) for row in metric.result.rows] == [(0.8, 'val')]


def test_result():
    """An image of 800x100 whose box has an IoU of one half, and a wrong class."""
    maps = torch.stack([_map_of((0, 0, 112, 111))] * 2)
    samples = [
        _sample([2, 1], 0, [[0, 0, 800, 50]], maps, size=(100, 800), threshold=0.25),
        _sample([2, 1], 1, [[0, 0, 112, 111]], maps, threshold=0.1),
    ]
    metric = LocAccuracy(topk=(1, 2), prefix='mine')
    metric.dataset_meta = dict(classes=('Ant, red', 'Bee'))
    metric.process({}, samples)
    metrics = metric.evaluate(2)
    result = metric.result
    assert (result.name, result.metric, result.map_kind, result.images) == ('mine', 'LocAccuracy', 'coupled', 2)
    assert result.protocol == dataclasses.replace(PROTOCOLS['tscam'], threshold=None)
    assert {f'mine/{name}': value for name, value in result.scalars().items()} == metrics
    numbers = {number.key: number for number in result.numbers}
    assert numbers['cls_top1'] == Number('cls_top1', 50.0, count=1, uses_threshold=False, images=2)
    # The two images had different thresholds, so there is none to name.
    assert numbers['gt_known'] == Number('gt_known', 100.0, count=2, source=ThresholdSource.FIXED, images=2)
    assert numbers['outcome_right'] == Number('outcome_right', 0, 'images', source=ThresholdSource.FIXED, images=2)

    iou = 113 * 112 / (224 * 113)
    first, second = result.rows
    assert list(first) == list(second) == list(ROW_KEYS)
    assert first == dict(
        img_path='some/image.jpg', true_label=0, true_class='Ant, red', predicted_label=0, predicted_class='Ant, red',
        rank=1, x1=0.0, y1=0.0, x2=400.0, y2=49.55, iou=iou, outcome='part', map_kind='coupled',
        threshold=0.25, threshold_source='fixed',
    )  # fmt: skip
    assert (second['true_class'], second['predicted_class'], second['rank']) == ('Bee', 'Ant, red', 2)
    assert (second['outcome'], second['iou'], second['threshold']) == ('classification', 1.0, 0.1)

    curve = result.curves['accuracy_over_iou']
    assert curve['iou'] == pytest.approx(np.arange(0.05, 0.96, 0.05))
    assert curve['gt_known'] == [100.0] * 10 + [50.0] * 9
    assert curve['loc_top1'] == [50.0] * 9 + [0.0] * 10  # above the level, not at it
    assert curve['loc_top2'] == [100.0] * 9 + [50.0] * 10


def test_the_same_threshold_of_all_images_is_in_the_result():
    metric = LocAccuracy()
    metric.process({}, [_sample([1, 0], 0, [[0, 0, 9, 9]], torch.rand(2, 14, 14), threshold=0.3) for _ in range(2)])
    metric.evaluate(2)
    assert {number.threshold for number in metric.result.numbers if number.source} == {0.3}
    assert metric.result.protocol.threshold == 0.3


def test_samples_without_class_scores():
    samples = [_sample([1, 0], 0, [[0, 0, 99, 99]], torch.stack([_map_of((0, 0, 99, 99))] * 2)) for _ in range(2)]
    del samples[0]['pred_score'], samples[1]['pred_score']
    metric = LocAccuracy()
    metric.process({}, samples)
    assert metric.evaluate(2) == {'tscam/gt_known': 100.0}
    assert list(metric.result.curves['accuracy_over_iou']) == ['iou', 'gt_known']
    row = metric.result.rows[0]
    assert [row[key] for key in ('predicted_label', 'predicted_class', 'rank', 'outcome')] == [None] * 4
    assert row['iou'] == 1.0


def test_an_image_that_was_scored_twice():
    metric = LocAccuracy()
    metric.process({}, [{**_good(), 'img_id': index} for index in (0, 3, 3)])
    with pytest.raises(ValueError, match=r'^some/image.jpg: the image was scored twice$'):
        metric.evaluate(3)


def test_no_image():
    with pytest.raises(ValueError, match='LocAccuracy: 0 images were scored, but the data set has 0'):
        LocAccuracy().evaluate(0)


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([[20, 0, 10, 9]], 'a true box is inverted or not finite: [[20.0, 0.0, 10.0, 9.0]]'),
        ([[0, 0, 9, 9], [0, 9, 10, 5]], 'a true box is inverted or not finite: [[0.0, 0.0, 9.0, 9.0], [0.0, 9.0'),
        ([[0, 0, float('nan'), 9]], 'a true box is inverted or not finite: [[0.0, 0.0, nan, 9.0]]'),
        ([[0, 0, float('inf'), 9]], 'a true box is inverted or not finite: [[0.0, 0.0, inf, 9.0]]'),
        ([[200, 0, 210, 9]], 'a true box lies outside the image of 200x100: [[200.0, 0.0, 210.0, 9.0]]'),
        ([[0, 100, 10, 110]], 'a true box lies outside the image of 200x100: [[0.0, 100.0, 10.0, 110.0]]'),
        ([[-20, 0, -1, 9]], 'a true box lies outside the image of 200x100: [[-20.0, 0.0, -1.0, 9.0]]'),
        ([[0, 0, 9, 9], [0, -9, 5, -1]], 'a true box lies outside the image of 200x100: [[0.0, 0.0, 9.0, 9.0], [0.'),
    ],
)
def test_true_boxes_that_are_none(boxes, message):
    assert message in _error(_sample([1, 0], 0, boxes, torch.rand(2, 14, 14), size=(100, 200)))


def test_a_true_box_that_reaches_over_the_edge_is_one():
    assert _one((0, 0, 99, 99), [[-5, -5, 99, 99]])['tscam/gt_known'] == 100.0
    assert _one((100, 100, 224, 224), [[100, 100, 300, 300]])['tscam/gt_known'] == 100.0


def test_no_true_label():
    sample = _good()
    del sample['gt_label']
    assert 'no true label' in _error(sample)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize(('protocol', 'name'), [('tscam', 'tscam'), ('wsol-v1', 'wsol-v1')])
def test_a_map_that_is_not_finite_is_the_empty_box(protocol, name, value):
    maps = torch.rand(2, 14, 14)
    maps[0, 5, 5] = value
    metric = LocAccuracy(protocol)
    metric.process({}, [_sample([1, 0], 0, [[0, 0, 1, 1]], maps, size=(448, 224))])
    metric.evaluate(1)
    edge = PROTOCOLS[protocol].empty_box[2]
    row = metric.result.rows[0]
    assert (row['x1'], row['y1'], row['x2'], row['y2']) == (0, 0, edge, 2 * edge)


@pytest.mark.parametrize(
    ('maps', 'text'),
    [
        (torch.linspace(0.1, 0.9, 392).view(2, 14, 14), 'a map of shape (14, 14) with values from 0.'),
        (torch.full((2, 224, 224), 1.5), 'a map of shape (224, 224) with values from 1.5 to 1.5'),
        (torch.full((2, 224, 224), -0.5), 'a map of shape (224, 224) with values from -0.5 to -0.5'),
        (torch.full((2, 224, 224), float('nan')), 'a map of shape (224, 224) with values from nan to nan'),
    ],
)
def test_maps_that_cannot_be_scored_as_they_stand(maps, text):
    metric = LocAccuracy(protocol=dict(base='tscam', normalize=False))
    with pytest.raises(ValueError) as caught:
        metric.process({}, [_sample([1, 0], 0, [[0, 0, 99, 99]], maps)])
    assert str(caught.value).startswith(f'some/image.jpg: {text}')


def test_a_missing_image_is_noticed():
    metric = LocAccuracy()
    metric.process({}, [_good()])
    with pytest.raises(ValueError, match='1 images were scored, but the data set has 10'):
        metric.evaluate(10)


@pytest.mark.parametrize(('in_sample', 'expected'), [(0.1, 0.0), (None, 100.0)])
def test_the_threshold_of_a_protocol_value_comes_last(in_sample, expected):
    protocol = dataclasses.replace(PROTOCOLS['tscam'], threshold=0.8)
    sample = _sample([1, 0], 0, [[0, 0, 60, 60]], _hill(), threshold=in_sample)
    assert _evaluate([sample], protocol=protocol)['tscam/gt_known'] == expected


def test_one_value_of_k_needs_no_list(golden_eval):
    assert 'tscam/loc_top3' in _evaluate(_golden_samples(golden_eval)[:4], topk=3)


def test_class_scores_of_some_images_alone_are_refused():
    samples = [_good(), _good()]
    del samples[1]['pred_score']
    with pytest.raises(ValueError, match=r'some/image\.jpg: no class scores, unlike other images'):
        _evaluate(samples)


def test_a_label_beyond_the_scores():
    sample = _good()
    sample['gt_label'] = torch.tensor([7])
    assert 'label 7 is outside the 2 classes of the scores' in _error(sample)
