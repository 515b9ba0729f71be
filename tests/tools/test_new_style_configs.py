"""Configs in mmengine's new style: classes as ``type``, and bases that are read."""

import json

import pytest
from mmengine.registry import init_default_scope
from new_style import new_style
from tool_runs import run_tools

from mmtscam.models import CAMHead
from mmtscam.registry import MODELS
from mmtscam.utils.config import read_config


@pytest.mark.slow
def test_tools_take_classes_as_types(tool_config, tmp_path):
    """A test writes the data set's type to its report, and dumps the config with the views that it makes."""
    (tmp_path / 'tiny.py').write_text(new_style(tool_config))
    assert isinstance(read_config(tmp_path / 'tiny.py').model.backbone.type, type)
    checkpoint = 'work_dir/epoch_1.pth'
    run_tools(
        tmp_path,
        dict(
            train=['train.py', 'tiny.py', '--cfg-options', 'train_cfg.max_epochs=1'],
            choose=[
                'analysis/choose_threshold.py', 'tiny.py', checkpoint, '--out', 'thresholds.json',
                '--cfg-options', 'val_dataloader.dataset.dataset.split=train',
            ],
            test=[
                'test.py', 'tiny.py', checkpoint, '--thresholds', 'thresholds.json', '--report-dir', 'report', '--tta',
            ],
        ),
    )  # fmt: skip
    report = json.loads((tmp_path / 'report' / 'report.json').read_text())
    assert report['origin']['dataset'] == 'WSOLDataset'


@pytest.mark.slow
def test_a_config_of_ours_is_read_as_a_base(tmp_path, repo, run):
    """The way of INSTALL.md: our file, dumped under a name that can be imported."""
    page = (repo / 'INSTALL.md').read_text()
    (command,) = (line for line in page.splitlines() if '.dump(' in line)
    run('bash', '-c', command, cwd=tmp_path)
    (tmp_path / 'mine.py').write_text(
        'from mmengine.config import read_base\n\n'
        'from mmtscam.models import CAMHead\n\n'
        'with read_base():\n    from .tscam_deit_s_cub import *\n\n'
        'model.head = dict(type=CAMHead, num_classes=12, in_channels=384, threshold=0.2)\n'
    )
    model = read_config(tmp_path / 'mine.py').model
    assert (model.backbone.type, model.head.num_classes) == ('TSCAMDeiT', 12)
    init_default_scope('mmtscam')
    model.backbone.update(arch='deit-tiny', init_cfg=None)
    model.head.in_channels = 192
    assert type(MODELS.build(model).head) is CAMHead
