import json

import cv2
import pytest


@pytest.fixture
def workplace(tmp_path, repo):
    """A folder in which the quickstart finds the repository's tools and configs and nothing done before."""
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(repo / name)
    return tmp_path


@pytest.mark.slow
def test_quickstart(workplace, run):
    """The whole first-time experience, and that it shows what it promises."""
    output = run('python', 'tools/quickstart.py', cwd=workplace).stdout
    metrics = json.loads((workplace / 'work_dirs' / 'tscam_vit-mini_sample' / 'metrics.json').read_text())
    for row in ('TS-CAM: coupled map', 'attention A* alone', 'semantic map alone', 'best constant box', 'whole image'):
        assert row in output
    baseline = {
        line.split('│')[1].strip(): float(line.split('│')[2].strip().removesuffix(' %'))
        for line in output.splitlines()
        if 'constant box' in line or 'whole image' in line
    }
    coupled = metrics['tscam/gt_known']
    assert len(baseline) == 2
    assert coupled >= max(baseline.values()) + 15
    assert coupled >= metrics['tscam-semantic/gt_known'] + 15
    assert metrics['tscam/cls_top1'] > 80

    pictures = workplace / 'work_dirs' / 'tscam_vit-mini_sample' / 'pictures'
    assert f'Pictures: {pictures}' in output
    assert len(list(pictures.glob('*.png'))) == 24
    assert cv2.imread(str(next(pictures.glob('*.png')))) is not None
