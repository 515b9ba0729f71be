import csv
import json
import math

import pytest
from rich.console import Console

from mmtscam.evaluation import (
    LocAccuracy,
    MaxBoxAcc,
    MetricResult,
    Number,
    PixelAP,
    ThresholdChoice,
    ThresholdSource,
    print_choices,
    print_results,
    save_thresholds,
    write_report,
)
from mmtscam.evaluation.report_rows import ROW_KEYS
from mmtscam.localization import PROTOCOLS, get_protocol
from mmtscam.version import __version__

FIXED, VAL, ORACLE = ThresholdSource


def _result(**changes):
    fields = dict(
        name='wsol-v2',
        metric='MaxBoxAcc',
        protocol=PROTOCOLS['wsol-v2'],
        map_kind='coupled',
        images=4,
        numbers=[
            Number('maxboxacc', 62.5, source=ORACLE),
            Number('maxboxacc_iou30', 75.0, count=3, threshold=0.125, source=ORACLE),
            Number('pxap', math.nan),
        ],
        curves={'precision': dict(threshold=[1.0, 0.0], precision=[math.nan, 0.5], other=[math.inf, -math.inf])},
    )
    return MetricResult(**{**fields, **changes})


def _row(**changes):
    return {**dict.fromkeys(ROW_KEYS, 0), **changes}


@pytest.fixture(scope='module')
def results(samples, evaluate, tmp_path_factory):
    """Results of all metrics, with thresholds of all sources."""
    file = str(tmp_path_factory.mktemp('thresholds') / 'a.json')
    sweep = MaxBoxAcc('wsol-v2', step=0.05)
    evaluate(sweep, samples)
    save_thresholds(file, [sweep.best], ['val/a.jpg'], {})
    metrics = [
        LocAccuracy('tscam'),
        LocAccuracy('wsol-v2', threshold_file=file, prefix='v2'),
        MaxBoxAcc('wsol-v1', step=0.05),
        MaxBoxAcc('wsol-v2', threshold_file=file, step=0.05, prefix='wsol-v2/maps'),
        PixelAP('wsol-v2', step=0.05),
    ]
    for metric in metrics:
        evaluate(metric, samples)
    return [metric.result for metric in metrics]


def _printed(width, function, *args):
    console = Console(record=True, width=width)
    function(*args, console=console)
    return console.export_text()


@pytest.mark.parametrize(('source', 'key'), [(None, 'a'), (FIXED, 'a'), (VAL, 'a_val'), (ORACLE, 'a_oracle')])
def test_the_key_tells_the_source(source, key):
    assert Number('a', 1.0, source=source).key == key


def test_scalars():
    assert list(_result().scalars()) == ['maxboxacc_oracle', 'maxboxacc_iou30_oracle', 'pxap']
    assert _result().scalars()['maxboxacc_oracle'] == 62.5


def test_every_threshold_has_a_source_and_every_oracle_is_named_so(results):
    numbers = [number for result in results for number in result.numbers]
    assert {number.source for number in numbers} == {None, *ThresholdSource}
    for number in numbers:
        assert number.threshold is None or number.source is not None, number
        assert ('oracle' in number.key) == (number.source is ORACLE), number
        assert ('val' in number.key) == (number.source is VAL), number
        needs_none = number.name.startswith('cls_') or number.name == 'pxap'
        assert (number.source is None) == needs_none, number
    for result in results:
        assert len(result.scalars()) == len(result.numbers), 'two numbers share a key'


@pytest.mark.parametrize('width', [80, 200])
def test_what_is_printed_tells_the_source(results, width):
    first, second = _printed(width, print_results, results).split('Outcomes of the Top-1 prediction')
    lines = iter(line.split() for line in first.splitlines())
    for result in results:
        for number in result.numbers:
            if number.unit != '%':
                assert number.name.startswith('outcome_')
                continue
            cells = next(cells for cells in lines if number.name in cells)
            expected = [number.name, f'{number.value:.2f}', '%']
            expected += [] if number.count is None else [f'{number.count}/16']
            expected += [] if number.threshold is None else [f'{number.threshold:.3f}']
            expected += [number.source.value] if number.source else []
            assert cells[cells.index(number.name) :] == expected
            first = number is result.numbers[0]
            assert (cells[0] == result.name) == first
            assert (cells[: cells.index(number.name)][-1:] == ['coupled']) == first
    outcomes = [line.split() for line in second.splitlines() if line.split() and line.split()[-1].isdecimal()]
    assert [cells[0] for cells in outcomes] == ['tscam', 'v2']
    assert all(sum(map(int, cells[1:])) == 16 for cells in outcomes)


def test_what_is_printed_names_the_protocol():
    result = MetricResult('mine', 'X', PROTOCOLS['wsol-v2'], 'maps', 1, [Number('gt_known', 50.0, count=1)])
    assert 'mine (wsol-v2)' in _printed(100, print_results, [result])


@pytest.mark.parametrize(('name', 'images'), [('wsol-v2-attention', 243), ('tscam-attention', 5794)])
def test_usual_names_are_whole_in_a_terminal_of_80_columns(name, images):
    numbers = [
        Number('maxboxacc_iou30', 100.0, count=images, images=images, threshold=0.161, source=ORACLE),
    ]
    result = _result(name=name, map_kind='foreground', images=images, numbers=numbers)
    rows = [line.split() for line in _printed(80, print_results, [result]).splitlines()]
    assert [name, 'foreground', 'maxboxacc_iou30', '100.00', '%'] in [row[:5] for row in rows]


def test_no_outcomes_without_class_scores():
    assert 'Outcomes' not in _printed(100, print_results, [_result()])


def test_choices_are_printed_with_the_mean_of_several_levels():
    choices = [
        ThresholdChoice(get_protocol('wsol-v1'), 'attention', 'attention', 0.25, 60.0, (0.25,), (60.0,)),
        ThresholdChoice(
            get_protocol(dict(base='wsol-v2', iou_levels=[0.3, 0.7])),
            'maps',
            'coupled',
            0.5,
            45.5,
            (0.1, 0.9),
            (70.0, 30.25),
        ),
    ]
    text = _printed(100, print_choices, choices, '12 images, 10 with a true box')
    rows = [[cell.strip() for cell in line.split('│')[1:-1]] for line in text.splitlines() if line.startswith('│')]
    assert 'Thresholds chosen on 12 images, 10 with a true box, for others' in ' '.join(text.split())
    assert rows == [
        ['wsol-v1', 'attention', '0.5', '0.250', '60.00 %'],
        ['wsol-v2', 'coupled', 'mean', '0.500', '45.50 %'],
        ['', '', '0.3', '0.100', '70.00 %'],
        ['', '', '0.7', '0.900', '30.25 %'],
    ]


def test_names_of_choices_are_printed_as_they_are():
    choice = ThresholdChoice(
        get_protocol(dict(base='wsol-v1', name='[red]a\x1b[2J\ud800')), 'maps', '[b]', 0.25, 60.0, (0.25,), (60.0,)
    )
    text = _printed(100, print_choices, [choice], '12 images')
    assert r'[red]a\x1b[2J\ud800' in text and '[b]' in text and '\x1b' not in text


def _no_constant(name):
    raise ValueError(f'{name} is no JSON')


def test_json(tmp_path):
    (file,) = write_report(tmp_path / 'new' / 'out', [_result(with_object=3)], dict(config='a.py', checkpoint=None))
    assert file == tmp_path / 'new' / 'out' / 'report.json'
    content = json.loads(file.read_text(), parse_constant=_no_constant)
    assert (content['mmtscam'], content['origin']) == (__version__, dict(config='a.py', checkpoint=None))
    (result,) = content['results']
    assert {key: result[key] for key in ('name', 'metric', 'map_kind', 'images', 'rows')} == dict(
        name='wsol-v2', metric='MaxBoxAcc', map_kind='coupled', images=4, rows=None
    )
    assert (result['with_object'], result['truth']) == (3, 'true box')
    assert result['protocol']['iou_levels'] == [0.3, 0.5, 0.7]
    assert get_protocol({**result['protocol'], 'base': 'tscam'}) == PROTOCOLS['wsol-v2']
    plain = dict(unit='%', count=None, threshold=None, images=3)
    assert result['numbers'] == [
        dict(plain, key='maxboxacc_oracle', name='maxboxacc', value=62.5, source='oracle'),
        dict(
            plain, key='maxboxacc_iou30_oracle', name='maxboxacc_iou30', value=75.0, count=3, threshold=0.125,
            source='oracle',
        ),
        dict(plain, key='pxap', name='pxap', value=None, source=None),
    ]  # fmt: skip
    assert result['curves'] == {'precision': dict(threshold=[1, 0], precision=[None, 0.5], other=[None, None])}


def test_report_of_real_metrics(results, samples, tmp_path):
    files = write_report(tmp_path, results, {})
    assert [file.name for file in files] == ['report.json', 'tscam.csv', 'v2.csv']
    content = json.loads(files[0].read_text(), parse_constant=_no_constant)
    assert [result['metric'] for result in content['results']] == [result.metric for result in results]
    for written, result in zip(content['results'], results, strict=True):
        assert {number['key']: number['value'] for number in written['numbers']} == result.scalars()
        assert (written['map_kind'], written['protocol']['name']) == ('coupled', result.protocol.name)
    assert [written['rows'] for written in content['results']] == ['tscam.csv', 'v2.csv', None, None, None]

    rows = list(csv.DictReader(files[1].open()))
    assert [row['img_path'] for row in rows] == [sample['img_path'] for sample in samples]
    ious = sorted(float(row['iou']) for row in rows)
    assert 0 <= ious[0] < ious[-1] <= 1
    right = sum(row['outcome'] == 'right' for row in rows)
    assert right == results[0].scalars()['outcome_right']
    assert 100 * sum(iou >= 0.5 for iou in ious) / 16 == results[0].scalars()['gt_known']
    assert 100 * sum(row['rank'] == '1' for row in rows) / 16 == results[0].scalars()['cls_top1']


def test_csv(tmp_path):
    path = '/data/Käfer, "rot"/a\nb.jpg'
    rows = [_row(img_path=path, true_class='Ant, red', rank=2, iou=0.25), _row(predicted_class='', outcome='right')]
    result = _result(name='tscam/maps', rows=rows)
    files = write_report(tmp_path, [result], {})
    assert files[1:] == [tmp_path / 'tscam-maps.csv']
    text = files[1].read_text(encoding='utf-8')
    assert text.startswith(','.join(ROW_KEYS) + '\n')
    assert '"Ant, red"' in text
    assert '\r' not in text
    read = list(csv.DictReader(files[1].open(newline='')))
    assert read == [{key: str(value) for key, value in row.items()} for row in rows]


def test_values_of_a_row(tmp_path):
    rows = [dict(a=1 / 3, b=None, c=7, d='x')]
    _, file = write_report(tmp_path, [_result(rows=rows)], {})
    assert file.read_text() == 'a,b,c,d\n0.333333,,7,x\n'


@pytest.mark.parametrize('columns', [dict(a=1), dict(a=1, b=2, colour=3)])
def test_a_row_with_other_columns(tmp_path, columns):
    with pytest.raises(ValueError, match=r"'b', unlike the first|colour"):
        write_report(tmp_path, [_result(rows=[dict(a=1, b=2), columns])], {})


def test_results_of_one_name_have_files_of_their_own(tmp_path):
    results = [_result(metric=metric, rows=[dict(metric=metric)]) for metric in ('A', 'B')]
    files = write_report(tmp_path, results, {})
    assert [file.name for file in files] == ['report.json', 'wsol-v2.csv', 'wsol-v2-B.csv']
    assert [file.read_text() for file in files[1:]] == ['metric\nA\n', 'metric\nB\n']
    with pytest.raises(ValueError, match="two B with rows are called 'wsol-v2': give the metrics different prefixes"):
        write_report(tmp_path, [*results, results[1]], {})


def test_numbers_in_other_units_are_printed():
    numbers = [Number('speed', 3.25, 'px/s'), Number('bare', 1.5, ''), Number('found', 3, 'images')]
    rows = [line.split() for line in _printed(100, print_results, [_result(numbers=numbers)]).splitlines()]
    assert ['speed', '3.25', 'px/s'] in [row[-3:] for row in rows]
    assert ['bare', '1.50'] in rows and ['found', '3.00', 'images'] in rows


@pytest.mark.parametrize('origin', [dict(config=object()), dict(seconds=math.nan)])
def test_a_failure_leaves_the_old_files(tmp_path, origin):
    rows = [_row()]
    write_report(tmp_path, [_result(rows=rows)], {})
    old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises((TypeError, ValueError)):
        write_report(tmp_path, [_result(images=99, rows=rows)], origin)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old
    assert sorted(old) == ['report.json', 'wsol-v2.csv']


def test_files_are_replaced(tmp_path):
    for images in (1, 2):
        (file,) = write_report(tmp_path, [_result(images=images)], {})
        assert json.loads(file.read_text())['results'][0]['images'] == images


def test_a_name_is_printed_as_it_is():
    console = Console(record=True, width=100)
    result = MetricResult('a[red]b[/]', 'X', PROTOCOLS['tscam'], 'maps', 1, [Number('gt_known', 50.0, count=1)])
    print_results([result], console)
    assert 'a[red]b[/]' in console.export_text()
