"""Configs in mmengine's new style: classes as ``type``, and bases that are read."""

import json

import pytest
from new_style import new_style
from tool_runs import serve_tools

from mmtscam.utils.config import read_config


@pytest.mark.slow
def test_tools_take_classes_as_types(tool_config, tmp_path):
    """A test writes the data set's type to its report, and dumps the config with the views that it makes."""
    (tmp_path / 'tiny.py').write_text(new_style(tool_config))
    assert isinstance(read_config(tmp_path / 'tiny.py').model.backbone.type, type)
    checkpoint = 'work_dir/epoch_1.pth'
    serve_tools(
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
