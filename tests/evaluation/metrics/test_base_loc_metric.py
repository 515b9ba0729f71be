import csv
import dataclasses
import json

import numpy as np
import pytest
import torch
from rich.console import Console

from mmtscam.evaluation import (
    BaseLocMetric,
    BaseSumMetric,
    LocAccuracy,
    MaxBoxAcc,
    Number,
    PixelAP,
    ThresholdChoice,
    print_results,
    save_thresholds,
    write_report,
)
from mmtscam.evaluation.samples import true_boxes, true_class_map
from mmtscam.localization import PROTOCOLS, box_overlaps, get_protocol, map_to_boxes
from mmtscam.registry import METRICS


class MeanIoU(BaseLocMetric):
    """A metric as a user writes it."""

    def score(self, sample, protocol):
        boxes = map_to_boxes(true_class_map(sample, self.map_kind), protocol)
        return dict(iou=float(box_overlaps(boxes, true_boxes(sample, protocol))[0].max()))

    def summarise(self, scored, images):
        return [
            Number('mean_iou', 100 * sum(row['iou'] for row in scored) / images),
            Number('size', images, 'images', uses_threshold=False),
        ]


class Area(BaseSumMetric):
    """A metric that keeps a sum."""

    def score(self, sample, protocol):
        (x1, y1, x2, y2), *_ = map_to_boxes(true_class_map(sample, self.map_kind), protocol).tolist()
        return torch.tensor([(x2 - x1 + 1) * (y2 - y1 + 1)]).numpy()

    def summarise(self, scored, images):
        return [Number('area', float(scored[0]) / images, unit='px')]


class Labels(BaseLocMetric):
    """A metric without thresholds."""

    uses_threshold = False

    def score(self, sample, protocol):
        return dict(open=protocol.threshold is None)

    def summarise(self, scored, images):
        return [Number('open', sum(row['open'] for row in scored) / images, unit='')]


class Failing(MeanIoU):
    """A metric whose numbers cannot be made."""

    error = ValueError

    def summarise(self, scored, images):
        raise self.error('no number of these')


class Broken(Failing):
    """A metric with a mistake."""

    error = KeyError


def _thresholds(path, threshold=0.6, protocol='tscam', asked_kind='maps', map_kind='coupled'):
    choice = ThresholdChoice(get_protocol(protocol), asked_kind, map_kind, threshold, 50.0, (threshold,), (50.0,))
    save_thresholds(path, [choice], ['elsewhere/1.jpg'], {})
    return str(path)


def _used(metric):
    return {(number.threshold, number.source.value) for number in metric.result.numbers if number.source}


@pytest.mark.parametrize('make', [LocAccuracy, MeanIoU, Area])
@pytest.mark.parametrize(
    ('arguments', 'in_sample', 'expected'),
    [
        (dict(threshold=0.3), 0.05, (0.3, 'fixed')),
        (dict(protocol=dict(base='tscam', threshold=0.4)), 0.05, (0.4, 'fixed')),
        (dict(protocol=dict(base='tscam', threshold=0.4), threshold=0.3), 0.05, (0.3, 'fixed')),
        (dict(threshold=0), 0.05, (0, 'fixed')),
        (dict(threshold_file=True), 0.05, (0.6, 'val')),
        (dict(), 0.05, (0.05, 'fixed')),
        (dict(protocol='tscam'), 0.05, (0.05, 'fixed')),
        (dict(protocol=PROTOCOLS['tscam']), 0.05, (0.05, 'fixed')),
        (dict(protocol=dict(base='tscam')), 0.05, (0.05, 'fixed')),
        (dict(protocol=dict(base='tscam', threshold=None)), 0.05, (0.05, 'fixed')),
        (dict(protocol='tscam'), None, (0.1, 'fixed')),
        (dict(protocol=PROTOCOLS['tscam']), None, (0.1, 'fixed')),
        (dict(protocol=dict(base='tscam')), None, (0.1, 'fixed')),
    ],
)
def test_the_order_in_which_a_threshold_is_decided(
    make_sample, map_of, evaluate, tmp_path, make, arguments, in_sample, expected
):
    if 'threshold_file' in arguments:
        arguments = dict(threshold_file=_thresholds(tmp_path / 'thresholds.json'))
    score_map = torch.maximum(0.2 * map_of((0, 0, 200, 200)), map_of((0, 0, 60, 60)))
    samples = [make_sample(score_map, threshold=in_sample, img_id=index) for index in range(4)]
    metric = make(**arguments)
    metrics = evaluate(metric, samples)
    assert _used(metric) == {expected}
    assert metric.result.protocol == dataclasses.replace(PROTOCOLS['tscam'], threshold=expected[0])
    alone = make(threshold=expected[0])
    assert list(evaluate(alone, samples).values()) == list(metrics.values())


@pytest.mark.parametrize('make', [LocAccuracy, MeanIoU, Area])
def test_no_threshold_at_all(make_sample, make):
    sample = make_sample(torch.rand(14, 14), threshold=None)
    with pytest.raises(ValueError) as caught:
        make('wsol-v2').process({}, [sample])
    assert str(caught.value) == (
        "/data/set/test/0.jpg: protocol 'wsol-v2' leaves the threshold open, and the sample brings none: set threshold "
        'or threshold_file'
    )


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda file: MeanIoU(threshold=0.1, threshold_file=file), 'give threshold or threshold_file, not both'),
        (
            lambda file: MeanIoU(dict(base='tscam', threshold=0.1), threshold_file=file),
            'give threshold or threshold_file, not both',
        ),
        (lambda file: PixelAP(threshold=0.1), 'PixelAP scores at no single threshold: leave threshold out'),
        (lambda file: MaxBoxAcc(threshold=0.1), 'MaxBoxAcc scores at no single threshold: leave threshold out'),
        (lambda file: PixelAP(threshold_file=file), 'PixelAP uses no threshold: leave threshold_file out'),
        (lambda file: MeanIoU('wsol-v1', threshold_file=file), "no threshold for 'maps' under protocol 'wsol-v1'"),
        (lambda file: MeanIoU(threshold=1), r'threshold must be in \[0, 1\)'),
    ],
)
def test_thresholds_that_are_refused(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        make(_thresholds(tmp_path / 'thresholds.json'))


def test_a_metric_without_thresholds(make_sample, evaluate):
    metric = Labels('tscam')
    assert evaluate(metric, [make_sample(torch.rand(14, 14))]) == {'tscam/open': 1}
    assert metric.result.numbers == [Number('open', 1.0, unit='', images=1)]
    assert metric.result.protocol.threshold is None
    assert metric.result.rows[0]['threshold'] is metric.result.rows[0]['threshold_source'] is None


def test_several_thresholds_are_none_to_name(make_sample, evaluate):
    metric = MeanIoU()
    evaluate(metric, [make_sample(torch.rand(14, 14), threshold=0.1 * (1 + index), img_id=index) for index in (0, 1)])
    assert _used(metric) == {(None, 'fixed')}
    assert [row['threshold'] for row in metric.result.rows] == [0.1, 0.2]


@pytest.mark.parametrize(
    ('asked', 'map_kind', 'reported'),
    [('maps', 'coupled', 'coupled'), ('maps', 'cam', 'cam'), ('maps', None, 'maps'), ('attention', 'cam', 'attention')],
)
@pytest.mark.parametrize('make', [LocAccuracy, MaxBoxAcc, PixelAP, MeanIoU, Area])
def test_the_real_name_of_the_kind_of_map_is_reported(make_sample, evaluate, make, asked, map_kind, reported):
    maps = torch.rand(1, 14, 14)
    mask = (torch.rand(20, 20) > 0.5).byte().numpy()
    sample = make_sample(maps, map_kind=map_kind, mask=mask, attention=maps)
    metric = make(map_kind=asked)
    evaluate(metric, [sample])
    assert metric.result.map_kind == reported
    assert {row['map_kind'] for row in metric.result.rows} <= {reported}


def test_kinds_of_map_are_not_mixed(make_sample, evaluate):
    samples = [make_sample(torch.rand(14, 14), map_kind=kind, img_id=index) for index, kind in enumerate(['b', 'a'])]
    with pytest.raises(ValueError, match='MeanIoU: the maps are of several kinds, a, b: name one of them in map_kind'):
        evaluate(MeanIoU(), samples)


def test_samples_without_maps(make_sample):
    sample = make_sample(torch.rand(14, 14))
    del sample['class_maps']
    with pytest.raises(ValueError, match=r'^/data/set/test/0.jpg: no maps to score \(class_maps\)'):
        MeanIoU().process({}, [sample])


def test_a_metric_of_a_user_beside_ours(samples, evaluate, tmp_path):
    """One threshold in the whole table, and a file of rows for each."""
    metrics = [
        LocAccuracy(), METRICS.build(dict(type=MeanIoU, prefix='mine')), MeanIoU(map_kind='attention'), Area(),
    ]  # fmt: skip
    for metric in metrics:
        evaluate(metric, samples)
        assert _used(metric) == {(0.2, 'fixed')}
    ious = [row['iou'] for row in metrics[0].result.rows]
    assert metrics[1].result.scalars() == {'mean_iou': pytest.approx(100 * sum(ious) / 16), 'size': 16}
    results = [metric.result for metric in metrics]
    console = Console(record=True, width=100)
    print_results(results, console)
    rows = [line.split() for line in console.export_text().splitlines()]
    value = f'{metrics[1].result.numbers[0].value:.2f}'
    assert ['mine', '(tscam)', 'coupled', 'mean_iou', value, '%', '0.200', 'fixed'] in rows
    assert ['size', '16.00', 'images'] in rows

    files = write_report(tmp_path, results, {})
    assert [file.name for file in files] == ['report.json', 'tscam.csv', 'mine.csv', 'tscam-MeanIoU.csv']
    written = json.loads(files[0].read_text())['results']
    assert [(result['map_kind'], result['rows']) for result in written] == [
        ('coupled', 'tscam.csv'), ('coupled', 'mine.csv'), ('attention', 'tscam-MeanIoU.csv'), ('coupled', None),
    ]  # fmt: skip
    assert [result['numbers'][0]['threshold'] for result in written[1:]] == [0.2] * 3
    assert (written[1]['numbers'][1]['threshold'], written[1]['numbers'][1]['source']) == (None, None)
    with files[2].open() as file:
        own = list(csv.DictReader(file))
    assert list(own[0]) == ['img_path', 'iou', 'map_kind', 'threshold', 'threshold_source']
    assert [float(row['iou']) for row in own] == pytest.approx(ious, abs=1e-6)
    assert {(row['map_kind'], row['threshold'], row['threshold_source']) for row in own} == {
        ('coupled', '0.2', 'fixed')
    }


def test_errors_of_a_user_name_the_image(make_sample):
    class Odd(MeanIoU):
        def score(self, sample, protocol):
            raise ValueError('odd')

    with pytest.raises(ValueError, match=r'^/data/set/test/3.jpg: odd$'):
        Odd().process({}, [make_sample(torch.rand(14, 14), img_id=3)])


@pytest.mark.parametrize('column', ['img_path', 'map_kind', 'threshold', 'threshold_source'])
def test_a_column_that_every_row_has(make_sample, column):
    class Odd(MeanIoU):
        def score(self, sample, protocol):
            return {'iou': 1.0, column: 'mine'}

    with pytest.raises(ValueError, match=f"^/data/set/test/0.jpg: Odd: every row has a column '{column}'"):
        Odd().process({}, [make_sample(torch.rand(14, 14))])


@pytest.mark.parametrize(('row', 'kind'), [(0.5, 'float'), (None, 'NoneType'), ([('iou', 0.5)], 'list')])
def test_a_row_that_is_no_mapping(make_sample, row, kind):
    class Odd(MeanIoU):
        def score(self, sample, protocol):
            return row

    with pytest.raises(ValueError, match=f'Odd: score must return a dict of column names and values, got {kind}$'):
        Odd().process({}, [make_sample(torch.rand(14, 14))])


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (torch.tensor(12.5), 12.5),
        (torch.tensor([3]), 3),
        (np.float32(12.5), 12.5),
        (np.int64(3), 3),
        (np.float32('nan'), None),
        (torch.tensor(float('nan')), None),
    ],
)
def test_numbers_of_other_libraries(make_sample, evaluate, tmp_path, value, expected):
    class Odd(MeanIoU):
        def summarise(self, scored, images):
            return [Number('odd', value, count=np.int64(1))]

    metric = Odd()
    evaluate(metric, [make_sample(torch.rand(14, 14))])
    assert type(metric.result.numbers[0].value) is (int if expected == 3 else float)
    print_results([metric.result], Console(record=True))
    (number,) = json.loads(write_report(tmp_path, [metric.result], {})[0].read_text())['results'][0]['numbers']
    assert (number['value'], number['count']) == (expected, 1)


@pytest.mark.parametrize('value', [torch.zeros(2), np.zeros(2), None, '1'])
def test_a_number_is_one_number(make_sample, evaluate, value):
    class Odd(MeanIoU):
        def summarise(self, scored, images):
            return [Number('odd', value)]

    with pytest.raises(ValueError, match=r"^Odd: 'odd' must be one number, got "):
        evaluate(Odd(), [make_sample(torch.rand(14, 14))])


def test_every_evaluation_starts_anew(samples, evaluate):
    metric = MeanIoU()
    whole, part = evaluate(metric, samples), evaluate(metric, samples[3:9])
    assert part == evaluate(MeanIoU(), samples[3:9]) != whole
    metric.process({}, samples[:4])
    with pytest.raises(ValueError, match='MeanIoU: 4 images were scored, but the data set has 5'):
        metric.evaluate(5)
    assert evaluate(metric, samples) == whole


@pytest.mark.parametrize('make', [MeanIoU, LocAccuracy, Area])
@pytest.mark.parametrize('size', [6, 7])
def test_two_processes(samples, evaluate, evaluate_on_two, make, size):
    dealt = [*samples[:size], *samples[: size % 2]]
    (first, result), second = evaluate_on_two(make(), (dealt[::2], dealt[1::2]), size)
    alone = make()
    assert second == (first, None)
    assert first == evaluate(alone, samples[:size])
    assert [row['img_path'] for row in result.rows] == [row['img_path'] for row in alone.result.rows]
    assert (result.numbers, result.map_kind) == (alone.result.numbers, 'coupled')


def test_thresholds_that_one_process_alone_has_seen(make_sample, evaluate_on_two):
    samples = [make_sample(torch.rand(14, 14), threshold=0.1 * (1 + index), img_id=index) for index in (0, 1)]
    (_, result), _ = evaluate_on_two(MeanIoU(), ([samples[0]], [samples[1]]), 2)
    assert {(number.threshold, number.source.value) for number in result.numbers if number.source} == {(None, 'fixed')}


@pytest.mark.parametrize(
    ('make', 'parts', 'messages'),
    [
        (Failing, (slice(0, 3), slice(3, 6)), ('ValueError: no number of these',) * 2),
        (
            Broken,
            (slice(0, 3), slice(3, 6)),
            ("KeyError: 'no number of these'", "RuntimeError: KeyError: 'no num"),
        ),
        (LocAccuracy, (slice(0, 3), slice(3, 5)), ('ValueError: LocAccuracy: 5 images were scored, but the data',) * 2),
        (MeanIoU, (slice(0, 3), slice(0, 3)), ('ValueError: /data/set/test/2/0.jpg: the image was',) * 2),
    ],
)
def test_an_error_reaches_every_process(samples, evaluate_on_two, make, parts, messages):
    found = evaluate_on_two(make(), [samples[part] for part in parts], 6)
    for (message, _), expected in zip(found, messages, strict=True):
        assert message.startswith(expected)
