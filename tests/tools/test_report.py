"""The browsable report, as a user writes it."""

import json
import shutil

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

TOOL = ('python', 'tools/analysis/report.py')


@pytest.fixture
def tested(tool_config, tmp_path):
    """The files that a test of a tiny model leaves: a report and maps."""
    hooks = [*tool_config.custom_hooks, dict(type='SaveMapsHook', out_file=str(tmp_path / 'maps.npz'))]
    tool_config.default_hooks.report = dict(type='LocReportHook', out_dir=str(tmp_path / 'result'))
    Runner.from_cfg(Config({**tool_config, 'experiment_name': tmp_path.name, 'custom_hooks': hooks})).test()
    return tmp_path / 'result'


@pytest.mark.slow
def test_report(tested, tmp_path, serve):
    printed = serve(*TOOL, tested, '--maps', tmp_path / 'maps.npz', '--thumbnail-size', '64', '--workers', '2').stdout
    assert printed.splitlines()[-1] == f'Written: {tested / "html" / "index.html"}'
    assert 'no picture' not in printed
    data = json.loads((tested / 'html' / 'data.js').read_text().partition(' = ')[2].rstrip(';\n'))
    assert data['runs'][0]['results'] == json.loads((tested / 'report.json').read_text())['results']
    assert len(data['gallery']['rows']) == len(list((tested / 'html').rglob('images/**/*.jpg'))) == 16
    assert [kind['name'] for kind in data['gallery']['runs'][0]['kinds']] == ['coupled', 'attention', 'semantic']
    assert len(list((tested / 'html' / 'maps' / '0' / 'attention').rglob('*.jpg'))) == 16

    # Again in its place, without maps, of another result and of some images.
    printed = serve(
        *TOOL, tested, '--out', tested / 'html', '--max-images', '4', '--metric', 'tscam-attention', '--workers', '0'
    ).stdout  # fmt: skip
    data = json.loads((tested / 'html' / 'data.js').read_text().partition(' = ')[2].rstrip(';\n'))
    (part,) = data['gallery']['runs']
    assert (part['name'], part['kinds'], len(part['rows']), len(data['gallery']['rows'])) == (
        'tscam-attention',
        [],
        4,
        4,
    )


def test_several_results(tested, tmp_path, run_here):
    report = json.loads((tested / 'report.json').read_text())
    (tmp_path / 'boxes').mkdir()
    report['results'] = [{**result, 'rows': None} for result in report['results'] if result['metric'] == 'MaxBoxAcc']
    (tmp_path / 'boxes' / 'report.json').write_text(json.dumps(report))

    def titles(*options):
        printed = run_here(*TOOL, *options, '--out', tmp_path / 'page', '--workers', '0').stdout
        assert printed.splitlines()[-1] == f'Written: {tmp_path}/page/index.html'
        data = json.loads((tmp_path / 'page' / 'data.js').read_text().partition(' = ')[2].rstrip(';\n'))
        return [run['title'] for run in data['runs']], data['gallery'] and [
            part['name'] for part in data['gallery']['runs']
        ]

    assert titles(tmp_path / 'boxes') == (['boxes'], None)
    assert titles(tested, tmp_path / 'boxes') == (['result', 'boxes'], ['tscam'])
    words = (tested, tested, '--metric', 'tscam', 'tscam-attention', '--names', 'coupled', 'attention')
    maps = tmp_path / 'maps.npz'
    assert titles(*words, '--maps', maps, maps) == (['coupled', 'attention'], ['tscam', 'tscam-attention'])
    shutil.copytree(tested, tmp_path / 'seed_1')
    assert titles(tested, tmp_path / 'seed_1', '--names', 'a', 'a') == (['a #1', 'a #2'], ['tscam'] * 2)
    for options, message in (
        ((tested, tmp_path / 'boxes'), '--out DIR is needed'),
        ((tested, tested, '--out', 'x'), '--names is needed, since a result is given twice'),
        ((tested, tmp_path / 'boxes', '--out', 'x', '--names', 'a'), '--names: 1 for 2 results: give one for each'),
        (
            (tested, tmp_path / 'seed_1' / '..' / 'result', '--out', 'x', '--names', 'a', 'a'),
            f'--names: {tested} is given twice under one name, and would count as two seeds',
        ),
        ((tested, '--maps', maps, maps), '--maps: 2 for 1 results: give one for each'),
        ((tested, '--metric', 'a', 'b'), '--metric: 2 for 1 results'),
    ):
        assert message in run_here(*TOOL, *options, code=2).stdout
    printed = run_here(*TOOL, tmp_path / 'boxes', '--maps', maps, code=1).stdout.strip()
    assert printed.endswith('no rows of images to show maps of: leave maps out, or test with LocAccuracy')


def test_images_that_are_missing(tested, run_here):
    rows = (tested / 'tscam.csv').read_text().replace('.jpg,', '.gone,', 5)
    (tested / 'tscam.csv').write_text(rows)
    printed = run_here(*TOOL, tested).stdout
    assert '5 of 16 images have no picture:' in printed
    assert printed.count(': no such file') == 3
    assert 'name their folder: --image-root DIR' in printed


def test_one_clear_line(tested, tmp_path, run_here):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'notes.txt').touch()
    (tmp_path / 'no.npz').write_bytes(b'')
    for options, message in (
        ((tmp_path / 'nothing',), 'report.json: not found; tools/test.py leaves one'),
        ((tested, '--metric', 'x'), "no CSV file of a result called 'x'"),
        ((tested, '--maps', tmp_path / 'none.npz'), 'none.npz: file of maps not found'),
        ((tested, '--maps', tmp_path / 'no.npz'), 'no.npz: not a file of maps'),
        ((tested, '--out', tmp_path / 'other'), "other: is no report, for there is 'notes.txt' in it"),
        ((tested, '--image-root', tmp_path / 'other'), '; image_root is where they are (--image-root)'),
    ):
        printed = run_here(*TOOL, *options, code=1).stdout.strip()
        assert message in printed and '\n' not in printed
    assert '--max-images 0: must be at least 1' in run_here(*TOOL, tested, '--max-images', '0', code=2).stdout
    assert not (tested / 'html').exists()
