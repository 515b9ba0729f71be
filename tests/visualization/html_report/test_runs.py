from dataclasses import replace
from pathlib import Path

import pytest

from mmtscam.evaluation.report_reader import RunResult
from mmtscam.evaluation.report_rows import Row
from mmtscam.localization import Outcome
from mmtscam.visualization.html_report.runs import Run, doubts, shared_rows, titles_of


def _row(path, true=0):
    return Row(path, true, true, 1, (0.0, 0.0, 1.0, 1.0), 0.5, Outcome.RIGHT, 0.1, 'fixed')


def _run(name, rows, prefix='tscam', **protocol):
    chosen = dict(
        name=prefix, metric='LocAccuracy', protocol=dict(name=prefix, threshold=0.1, **protocol), images=len(rows)
    )
    return Run(name, RunResult(dict(results=[chosen]), chosen, Path(f'{name}.csv'), rows, {}))


def test_images_that_all_have():
    first = _run('a', [_row('/set/x/1.jpg'), _row('/set/x/2.jpg'), _row('/set/y/3.jpg')])
    second = _run('b', [_row('/set/y/3.jpg'), _row('/set/z/4.jpg'), _row('/set/x/1.jpg')])
    assert [[row.path for row in rows] for rows in shared_rows([first, second])] == [
        ['/set/x/1.jpg', '/set/y/3.jpg']
    ] * 2
    # A test that ran on another machine.
    moved = _run('c', [replace(row, path=row.path.replace('/set/', '/home/me/data/')) for row in first.result.rows])
    own, theirs = shared_rows([first, moved])
    assert own == first.result.rows and theirs == moved.result.rows


def test_tests_that_cannot_be_compared():
    first = _run('a', [_row('/set/x/1.jpg'), _row('/set/x/2.jpg')])
    with pytest.raises(ValueError, match=r'a and b have no image in common: .* /set/x/1\.jpg and /other/5\.jpg'):
        shared_rows([first, _run('b', [_row('/other/5.jpg'), _row('/other/6.jpg')])])
    with pytest.raises(ValueError, match=r'b\.csv: /set/x/2\.jpg has label 3, but 0 in a\.csv'):
        shared_rows([first, _run('b', [_row('/set/x/1.jpg'), _row('/set/x/2.jpg', 3)])])


def test_seeds_are_numbered():
    assert titles_of([_run(name, []) for name in ('a', 'b', 'a')]) == ['a #1', 'b', 'a #2']


def test_doubts():
    rows = [_row('1.jpg')]
    runs = [
        _run('a', rows, regions='union'),
        _run('b', rows, regions='union'),
        _run('c', rows * 2, 'own', regions='contour'),
    ]
    # Another threshold is no doubt: it stands beside each number.
    runs[1].result.chosen['protocol']['threshold'] = 0.3
    assert doubts(runs[:2]) == []
    assert doubts(runs) == [
        'tscam and own: a and c differ in their protocols, in regions.',
        'tscam and own: a has 1 images, c has 2.',
    ]
    assert doubts([Run('a', RunResult(dict(results=[]), None, None, [], {}))] * 2) == []


def test_a_test_alone_keeps_all_its_rows():
    """An image may be there twice: in two joined sets, or with two labels."""
    rows = [_row('/set/x/1.jpg'), _row('/set/x/1.jpg', 2)]
    assert shared_rows([_run('a', rows)]) == [rows]


def test_doubts_about_other_boxes_and_other_pixels():
    first, second = _run('a', [_row('/1.jpg')]), _run('b', [_row('/1.jpg')])
    first.result.chosen['with_object'], second.result.chosen['with_object'] = 1, 0
    first.result.report['origin'], second.result.report['origin'] = dict(upright=True), dict(upright=False)
    assert doubts([first, second]) == [
        'a and b differ in whether photographs are turned upright: boxes lie apart.',
        'tscam: a has 1 images with a true box, b has 0.',
    ]
