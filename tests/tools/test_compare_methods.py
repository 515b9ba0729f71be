"""Methods of a plan are trained and tested once, and the table has their numbers."""

import json

import pytest
from tool_runs import run_tool, serve_tool

pytestmark = pytest.mark.slow

PLAN = """
title = 'Tiny'
seeds = (1,)
columns = {{'GT-known Loc': '{{protocol}}/gt_known'}}
methods = [
    dict(name='TS-CAM', config='{config}'),
    dict(name='SEM on TS-CAM', config='{config}', checkpoint_of='TS-CAM',
         options={{'model.head.refine.type': 'SelfEnhancement', 'model.head.map_kind': 'enhanced'}}),
    dict(name='Longer', config='{config}', start_from={{'load_from': 'TS-CAM'}}),
]
"""


def test_from_a_plan_to_a_table(tool_config, tmp_path):
    cfg = tool_config
    cfg.train_cfg.max_epochs = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.pop('save_best', None)
    cfg.dump(tmp_path / 'tiny.py')
    (tmp_path / 'plan.py').write_text(PLAN.format(config=tmp_path / 'tiny.py'))
    tool = 'analysis/compare_methods.py'
    early = serve_tool(tmp_path, tool, 'plan.py', '--only', 'SEM on TS-CAM', code=1)
    assert 'ts-cam_1/epoch_1.pth: train TS-CAM first' in early
    early = serve_tool(tmp_path, tool, 'plan.py', '--only', 'Longer', code=1)
    assert 'ts-cam_1/epoch_1.pth: train TS-CAM first' in early
    first = run_tool(tmp_path, tool, 'plan.py', '--only', 'TS-CAM')
    assert '[1/3] TS-CAM, seed 1: trained in' in first
    assert '| SEM on TS-CAM |  | 0 |' in first
    printed = serve_tool(tmp_path, tool, 'plan.py')
    assert 'TS-CAM, seed 1: trained' not in printed
    assert (
        'Load checkpoint from work_dirs/plan/ts-cam_1/epoch_1.pth'
        in (tmp_path / 'work_dirs' / 'plan' / 'longer_1' / 'train.log').read_text()
    )
    assert '[3/3] SEM on TS-CAM, seed 1: tested' in printed
    folder = tmp_path / 'work_dirs' / 'plan'
    table = (folder / 'comparison.md').read_text()
    assert table.strip() in printed
    reports = {name: folder / f'{name}_1' / 'report' / 'report.json' for name in ('ts-cam', 'sem-on-ts-cam')}
    for name, kind, row in (('ts-cam', 'coupled', 'TS-CAM'), ('sem-on-ts-cam', 'enhanced', 'SEM on TS-CAM')):
        results = json.loads(reports[name].read_text())['results']
        found = next(result for result in results if result['name'] == 'tscam')
        assert found['map_kind'] == kind
        value = next(each['value'] for each in found['numbers'] if each['key'] == 'gt_known')
        assert f'| {row} | {value:.1f} | 1 |' in table
        assert f'\n{row},1,{value}\n' in (folder / 'comparison.csv').read_text()
    # A run that fails does not stop the others, and is named at the end.
    for report in reports.values():
        report.unlink()
    (folder / 'ts-cam_1' / 'epoch_1.pth').write_text('no checkpoint')
    broken = serve_tool(tmp_path, tool, 'plan.py', code=1)
    assert '2 of 3 runs failed: [1/3] TS-CAM, seed 1; [3/3] SEM on TS-CAM, seed 1' in broken
    assert 'Traceback' not in broken.splitlines()[-1]
    printed = serve_tool(tmp_path, tool, 'plan.py', '--cfg-options', 'train_cfg.max_epochs=2', code=1)
    assert 'ts-cam_1 belongs to other settings (test: train_cfg.max_epochs was 1, now 2)' in printed
    assert 'is none of TS-CAM, SEM on TS-CAM, Longer' in serve_tool(tmp_path, tool, 'plan.py', '--only', 'CAM', code=1)
