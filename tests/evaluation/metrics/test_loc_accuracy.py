import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmtscam.evaluation import LocAccuracy
from mmtscam.registry import METRICS
from mmtscam.structures import LocDataSample

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
    metainfo = {} if threshold is None else dict(threshold=threshold)
    sample.class_maps = InstanceData(labels=labels, maps=maps, metainfo=metainfo, **more_maps)
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


def test_batches_do_not_matter(golden_eval):
    samples = _golden_samples(golden_eval)
    metric = LocAccuracy()
    for start in range(0, 96, 7):
        metric.process({}, samples[start : start + 7])
    assert metric.evaluate(96) == _evaluate(samples)


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
    assert _evaluate([sample], map_name='maps')['tscam/gt_known'] == 0.0
    assert _evaluate([sample], map_name='attention')['tscam/gt_known'] == 100.0


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
        assert not any(math.isnan(figure) for figure in metrics.values())


def test_wsol_v2_takes_the_best_of_all_contours():
    maps = torch.maximum(_map_of((0, 0, 100, 100)), _map_of((150, 150, 200, 200))).expand(2, -1, -1)
    sample = _sample([1, 0], 0, [[150, 150, 200, 200]], maps)
    assert _evaluate([sample], protocol='wsol-v1')['wsol-v1/gt_known'] == 0.0
    assert _evaluate([sample], protocol=V2_AT_50)['wsol-v2/gt_known'] == 100.0


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
    metric = METRICS.build(dict(type='LocAccuracy', protocol='tscam', map_name='semantic', prefix='tscam-semantic'))
    assert type(metric) is LocAccuracy
    assert (metric.map_name, metric.prefix) == ('semantic', 'tscam-semantic')


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
    sample = _sample([1.0, 0.0], 0, [], torch.rand(2, 14, 14))
    assert 'no true box' in _error(sample)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_scores_that_are_not_finite(value):
    sample = _good()
    sample['pred_score'] = torch.tensor([0.5, value])
    assert 'not finite' in _error(sample)


def test_no_map_of_the_true_class():
    sample = _sample(torch.arange(6), 4, [[0, 0, 99, 99]], torch.rand(2, 14, 14), labels=[5, 3])
    assert 'no map of its true class 4 among [5, 3]' in _error(sample)


def test_unknown_map_name():
    assert "no maps named 'gradients'" in _error(_good(), map_name='gradients')


def test_several_iou_levels_are_refused():
    with pytest.raises(ValueError, match=r"protocol 'wsol-v2' has the IoU levels .* one is needed"):
        LocAccuracy(protocol='wsol-v2')
