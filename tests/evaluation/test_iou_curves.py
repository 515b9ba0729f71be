import json

import pytest

from mmtscam.evaluation.report_reader import load_iou_curves

CURVE = {'iou': [0.3, 0.5], 'gt_known': [90.0, 60.0], 'loc_top1': [80.0, 50.0]}
OTHER = {'iou': [0.3, 0.5], 'gt_known': [9.0, 6.0]}


def _report(folder, **curves):
    protocol = dict(name='tscam', iou_levels=[0.5])
    plain = dict(metric='X', protocol=protocol, map_kind='coupled', images=1, numbers=[], rows=None)
    results = [dict(plain, name=name.replace('_', '-'), curves=curve) for name, curve in curves.items()]
    (folder / 'report.json').write_text(json.dumps(dict(results=results)))
    return folder / 'report.json'


def test_file_and_folder(tmp_path):
    threshold = {'accuracy_over_threshold': {'threshold': [0, 1]}}
    path = _report(tmp_path, wsol_v2=threshold, tscam={'accuracy_over_iou': CURVE}, b={'accuracy_over_iou': OTHER})
    assert load_iou_curves(path) == load_iou_curves(tmp_path) == {'tscam': CURVE}
    assert load_iou_curves(path, ['b', 'tscam']) == {'b': OTHER, 'tscam': CURVE}
    with pytest.raises(ValueError, match=r"report\.json: has no curve of 'wsol-v2': choose from tscam, b"):
        load_iou_curves(path, ['wsol-v2'])


def test_no_report(tmp_path):
    with pytest.raises(ValueError, match=r'report\.json: not found; tools/test\.py leaves one'):
        load_iou_curves(tmp_path)
    for content in ('', '[]', '{}', '{"results": [1]}', '{"results": [{"name": "a", "curves": 3}]}'):
        (tmp_path / 'report.json').write_text(content)
        with pytest.raises(ValueError, match=r'report\.json: (.* )?not'):
            load_iou_curves(tmp_path)


def test_another_metric_of_the_same_name(tmp_path):
    path = _report(tmp_path, tscam={'accuracy_over_iou': CURVE}, other={})
    content = json.loads(path.read_text())
    content['results'][1]['name'] = 'tscam'
    path.write_text(json.dumps(content))
    assert load_iou_curves(path) == {'tscam': CURVE}


def test_no_curve(tmp_path):
    with pytest.raises(ValueError, match='add LocAccuracy to test_evaluator'):
        load_iou_curves(_report(tmp_path, a={}))
    with pytest.raises(ValueError, match="the curve 'accuracy_over_iou' of 'a' is not one of equally long columns"):
        load_iou_curves(_report(tmp_path, a={'accuracy_over_iou': {'iou': [1], 'gt_known': []}}))
