import csv
import json
import shutil

import pytest
import torch

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, read_result, read_results, write_report
from mmtscam.localization import Outcome

CLASSES = ('<b>ant</b> & "co"', 'bee', 'cat')


@pytest.fixture
def folder(tmp_path, make_sample, map_of):
    """Report of twelve images of three classes; every fourth is taken for the next class."""
    samples = []
    for index in range(12):
        label = index % 3
        score = torch.zeros(3)
        score[label], score[label if index % 4 else (label + 1) % 3] = 1, 2
        maps = torch.stack([map_of((30, 30, 190, 80 + 10 * index))] * 3)
        samples.append(
            make_sample(
                maps, [[30, 30, 170, 170]], label, score=score, img_id=index, threshold=0.2, attention=maps.flip(1)
            )
        )
    metrics = [
        MaxBoxAcc('tscam', step=0.05),
        LocAccuracy('tscam'),
        LocAccuracy('tscam', map_kind='attention', prefix='tscam-attention'),
    ]
    for metric in metrics:
        metric.dataset_meta = dict(classes=CLASSES)
        metric.process({}, samples)
        metric.evaluate(12)
    write_report(tmp_path, [metric.result for metric in metrics], {})
    return tmp_path


def test_rows_and_classes(folder):
    read = read_result(folder)
    assert (read.chosen['name'], read.chosen['metric']) == ('tscam', 'LocAccuracy')
    assert (read.csv_file, read.chosen['map_kind']) == (folder / 'tscam.csv', 'coupled')
    assert read.classes == {0: '<b>ant</b> & "co"', 1: 'bee', 2: 'cat'}
    assert [row.true for row in read.rows] == [0, 1, 2] * 4
    first = read.rows[0]
    assert (first.predicted, first.rank, first.outcome) == (1, 2, Outcome.CLASSIFICATION)
    assert (first.threshold, first.source) == (0.2, 'fixed')
    assert 0 < first.iou < 1
    assert read_result(folder, 'tscam-attention').chosen['map_kind'] == 'attention'


def test_without_class_scores(folder):
    with (folder / 'tscam.csv').open() as file:
        rows = list(csv.DictReader(file))
    with (folder / 'tscam.csv').open('w') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, **dict.fromkeys(('predicted_label', 'predicted_class', 'rank', 'outcome'), '')})
    row = read_result(folder).rows[1]
    assert (row.predicted, row.rank, row.outcome, row.threshold) == (None, None, None, 0.2)


def _edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def _no_report(folder):
    (folder / 'report.json').unlink()


def _in_a_subfolder(folder):
    (folder / '2026').mkdir()
    (folder / 'report.json').rename(folder / '2026' / 'report.json')


def _no_rows(folder):
    for file in folder.glob('*.csv'):
        file.unlink()


def _fewer_rows(folder):
    file = folder / 'tscam.csv'
    file.write_text(''.join(file.read_text().splitlines(True)[:-1]))


def _no_curves(folder):
    content = json.loads((folder / 'report.json').read_text())
    del content['results'][1]['curves']
    (folder / 'report.json').write_text(json.dumps(content))


@pytest.mark.parametrize(
    'spoil, message',
    [
        (_no_report, r'report\.json: not found; tools/test\.py leaves one'),
        (_in_a_subfolder, r'report\.json: not found; there is one in .*2026'),
        (lambda folder: (folder / 'report.json').write_text('{"results": ['), r'report\.json: not JSON'),
        (lambda folder: (folder / 'report.json').write_text('[]'), "no 'results' in it"),
        (_no_curves, "result 1 has no 'curves'"),
        (_no_rows, r'no PROTOCOL\.csv'),
        (_fewer_rows, r'tscam\.csv: 11 rows, but report\.json counts 12 images'),
        (lambda folder: _edit(folder / 'tscam.csv', ',iou,', ',IoU,'), r'tscam\.csv: no column iou: '),
        (lambda folder: _edit(folder / 'tscam.csv', '.jpg,2,cat,', '.jpg,x,cat,'), 'line 4: true_label is no number'),
        (lambda folder: _edit(folder / 'tscam.csv', 'classification', 'bad'), "line 2: 'bad' is not a valid Outcome"),
        (lambda folder: _edit(folder / 'tscam.csv', ',coupled,0.2,fixed', ''), "line 2: nothing in column 'map_kind'"),
    ],
)
def test_what_does_not_fit(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ValueError, match=message):
        read_result(folder, 'tscam')


def _edit_report(folder, change):
    content = json.loads((folder / 'report.json').read_text())
    change(content['results'])
    (folder / 'report.json').write_text(json.dumps(content))


def test_a_report_without_rows(folder):
    """MaxBoxAcc alone leaves none."""
    _edit_report(folder, lambda results: results.__delitem__(slice(1, None)))
    read = read_result(folder)
    assert (read.chosen, read.csv_file, read.rows, read.classes) == (None, None, [], {})
    assert read.report['results'][0]['metric'] == 'MaxBoxAcc'
    with pytest.raises(ValueError, match=r'no PROTOCOL\.csv of a result'):
        read_result(folder, 'tscam')


def test_several_reports(folder, tmp_path_factory):
    others = [tmp_path_factory.mktemp(name) for name in ('other', 'bare')]
    for other in others:
        shutil.copytree(folder, other, dirs_exist_ok=True)
    _edit_report(others[0], lambda results: results.__delitem__(slice(0, 2)))
    _edit_report(others[1], lambda results: results.__delitem__(slice(1, None)))

    def chosen(*metrics, folders=(folder, *others)):
        return [one.chosen and one.chosen['name'] for one in read_results(folders, metrics)]

    # The first that those with rows share.
    assert chosen() == ['tscam-attention', 'tscam-attention', None]
    assert chosen(folders=others[1:]) == [None]
    assert chosen('tscam', folders=[folder, folder]) == ['tscam', 'tscam']
    assert chosen('tscam', 'tscam-attention', folders=[folder, folder]) == ['tscam', 'tscam-attention']
    _edit_report(others[0], lambda results: results[0].update(name='own'))
    assert chosen() == ['tscam', 'own', None]
    with pytest.raises(ValueError, match="no CSV file of a result called 'tscam'; there are own"):
        chosen('tscam', folders=[folder, others[0]])
    with pytest.raises(ValueError, match='metrics: 2 for 3 reports: give one for all, or one for each'):
        chosen('a', 'b')


def test_a_metric_that_is_not_there(folder):
    with pytest.raises(ValueError, match=r"no CSV file of a result called 'wsol-v2'; there are tscam, tscam-attention"):
        read_result(folder, 'wsol-v2')


def test_rows_of_another_metric_of_the_same_name(folder):
    content = json.loads((folder / 'report.json').read_text())
    other = {**content['results'][1], 'metric': 'Other', 'curves': {}, 'rows': 'other.csv'}
    content['results'].insert(0, other)
    (folder / 'report.json').write_text(json.dumps(content))
    (folder / 'other.csv').write_text('img_path,own\n' + 12 * 'a.jpg,1\n')
    assert read_result(folder, 'tscam').csv_file == folder / 'tscam.csv'


def _semicolons(file):
    file.write_text(file.read_text().replace(',', ';'))


def _without_columns(file):
    file.write_text(''.join(f'{",".join(line.split(",")[:-2])}\n' for line in file.read_text().splitlines()))


@pytest.mark.parametrize(
    'spoil, message',
    [
        (
            _semicolons,
            r'/tscam\.csv: no column img_path, true_label, .*, threshold_source: columns are parted by commas',
        ),
        (_without_columns, r'/tscam\.csv: no column threshold, threshold_source: '),
        (lambda file: _edit(file.parent / 'tscam.csv', ',rank,', ',place,'), r'/tscam\.csv: no column rank: '),
        (lambda file: file.write_text(''), r'/tscam\.csv: no column img_path, '),
        (lambda file: file.unlink(), r'/tscam\.csv: not found, but report\.json beside it names it'),
    ],
)
def test_no_other_metric_takes_the_place_of_one_whose_rows_are_damaged(folder, spoil, message):
    assert read_result(folder).chosen['name'] == 'tscam'
    spoil(folder / 'tscam.csv')
    for read in (read_result, lambda folder: read_results([folder, folder])):
        with pytest.raises(ValueError, match=message):
            read(folder)
    assert read_result(folder, 'tscam-attention').chosen['name'] == 'tscam-attention'


def _cell(column, value):
    def change(folder):
        with (folder / 'tscam.csv').open(newline='') as file:
            rows = list(csv.DictReader(file))
        rows[2][column] = value
        with (folder / 'tscam.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, rows[0], lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)

    return change


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (_cell('iou', 'nan'), "line 4: iou is no number: 'nan'"),
        (_cell('x1', '1e999'), "line 4: x1 is no number: '1e999'"),
        (_cell('rank', 'inf'), "line 4: rank is no number: 'inf'"),
        (_cell('true_class', 'x' * 200_000), r'tscam\.csv: not a readable CSV file in UTF-8: field larger'),
        (lambda folder: (folder / 'tscam.csv').write_bytes(b'\xff,'), 'not a readable CSV file in UTF-8: .*decode'),
    ],
)
def test_csv_that_is_none(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ValueError, match=message):
        read_result(folder, 'tscam')


def test_formulas_are_text_to_a_spreadsheet_and_come_back_as_they_were(make_sample, map_of, tmp_path):
    classes = ('=1+1', "'@a", '-a')
    samples = [
        make_sample(
            torch.stack([map_of((30, 30, 190, 80))] * 3), [[30, 30, 170, 170]], label, img_id=label, threshold=0.2
        )
        for label in range(3)
    ]
    for sample, path in zip(samples, ('=a.jpg', '+b.jpg', 'c.jpg'), strict=True):
        sample['img_path'] = path
    metric = LocAccuracy('tscam')
    metric.dataset_meta = dict(classes=classes)
    metric.process({}, samples)
    metric.evaluate(3)
    write_report(tmp_path, [metric.result], {})
    with (tmp_path / 'tscam.csv').open(newline='') as file:
        cells = [cell for row in csv.DictReader(file) for key, cell in row.items() if key in ('img_path', 'true_class')]
    assert cells == ["'=a.jpg", "'=1+1", "'+b.jpg", "''@a", 'c.jpg', "'-a"]
    read = read_result(tmp_path)
    assert [row.path for row in read.rows] == ['=a.jpg', '+b.jpg', 'c.jpg']
    assert read.classes == dict(enumerate(classes))
