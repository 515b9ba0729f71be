import copy
import json

import pytest

from mmtscam.evaluation.report_content import read_content

NUMBER = dict(key='gt_known', name='gt_known', value=50.0, unit='%', count=3, threshold=0.2, source='fixed', images=6)
RESULT = dict(
    name='tscam',
    metric='LocAccuracy',
    protocol=dict(name='tscam', threshold=None, iou_levels=[0.5]),
    map_kind='coupled',
    images=6,
    numbers=[NUMBER],
    curves=dict(accuracy_over_iou=dict(iou=[0.3, 0.5], gt_known=[90.0, None])),
    rows='tscam.csv',
)
REPORT = dict(mmtscam='1.0', origin=dict(config='a.py', upright=True), results=[RESULT])


def _read(tmp_path, content):
    (tmp_path / 'report.json').write_text(content if isinstance(content, str) else json.dumps(content))
    return read_content(tmp_path / 'report.json')


def test_a_report(tmp_path):
    assert _read(tmp_path, REPORT) == REPORT
    bare = dict(results=[{**RESULT, 'rows': None, 'curves': {}, 'numbers': []}])
    assert _read(tmp_path, bare) == bare


@pytest.mark.parametrize('name', ['../other.csv', '/etc/other.csv', 'a/b.csv', '..', '.', '', 3, ['a.csv']])
def test_rows_lie_in_the_folder_of_the_report(tmp_path, name):
    with pytest.raises(ValueError, match=r"report\.json: result 0 has .* for 'rows'"):
        _read(tmp_path, dict(results=[{**RESULT, 'rows': name}]))


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        (('origin',), [1], "it has .* for 'origin'"),
        (('origin', 'upright'), 'yes', "it has .* for 'origin'"),
        (('origin', 'more'), float('inf'), 'numbers that are not finite'),
        (('results', 0, 'more'), float('nan'), 'numbers that are not finite'),
        (('results', 0, 'name'), 3, "result 0 has 3 for 'name'"),
        (('results', 0, 'images'), -1, "result 0 has -1 for 'images'"),
        (('results', 0, 'images'), 10**400, "result 0 has 1000.* for 'images'"),
        (('results', 0, 'protocol'), {}, "result 0 has {} for 'protocol'"),
        (('results', 0, 'protocol', 'iou_levels'), ['a'], "for 'protocol'"),
        (('results', 0, 'numbers'), {}, "result 0 has {} for 'numbers'"),
        (('results', 0, 'numbers', 0), 3, "a number of tscam has no 'key'"),
        (('results', 0, 'numbers', 0, 'value'), '50', "a number of tscam has '50' for 'value'"),
        (('results', 0, 'numbers', 0, 'source'), 'guess', "a number of tscam has 'guess' for 'source'"),
        (('results', 0, 'curves'), [], "result 0 has .* for 'curves'"),
        (('results', 0, 'curves', 'accuracy_over_iou'), 3, "'accuracy_over_iou' of 'tscam' is not one of columns"),
        (('results', 0, 'curves', 'accuracy_over_iou', 'iou'), 'ab', 'is not one of columns of numbers'),
        (('results', 0, 'curves', 'accuracy_over_iou', 'iou'), [1], 'is not one of equally long columns'),
    ],
)
def test_parts_of_another_type(tmp_path, place, value, said):
    report = copy.deepcopy(REPORT)
    part = report
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(ValueError, match=rf'report\.json: .*{said}|report\.json: {said}'):
        _read(tmp_path, report)


def test_json_that_is_nested_too_deeply(tmp_path):
    for depth in (100, 100_000):
        with pytest.raises(ValueError, match=r'report\.json: .*nested too deeply'):
            _read(tmp_path, json.dumps(REPORT)[:-1] + ', "more": ' + '[' * depth + ']' * depth + '}')
