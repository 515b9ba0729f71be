"""The method in README.md, as it stands there."""

import json
import re
from pathlib import Path

import pytest
from tool_runs import run_tools

README = Path(__file__).resolve().parents[1] / 'README.md'


def _block(name):
    """The code block of README.md whose first line is the name of a file."""
    blocks = re.findall(r'^```python\n(.*?)^```$', README.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if block.startswith(f'# {name}\n')]
    assert len(found) == 1, f'{README} must have one python block whose first line is "# {name}", it has {len(found)}'
    return found[0]


@pytest.fixture
def folder(tmp_path):
    for name in ('my_head.py', 'my_config.py'):
        (tmp_path / name).write_text(_block(name), encoding='utf-8')
    return tmp_path


@pytest.mark.slow
def test_the_method_trains_and_localises(folder, sample_set):
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    small = (
        '--cfg-options', 'model.backbone.init_cfg=None', 'model.backbone.arch.num_layers=2', 'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1', *(f'{loader}.num_workers=0' for loader in loaders),
        *(f'{loader}.dataset.dataset.data_root={sample_set}' for loader in loaders),
    )  # fmt: skip
    model = ('my_config.py', 'work_dirs/my_config/epoch_1.pth')
    image = next(sample_set.glob('images/005.*/*_0004.jpg'))
    chosen = ('--thresholds', 'thresholds.json', '--report-dir', 'report', '--show-dir', 'pictures')
    on_training_images = 'val_dataloader.dataset.dataset.split=train'
    run_tools(
        folder,
        dict(
            train=('train.py', 'my_config.py', *small),
            choose=('analysis/choose_threshold.py', *model, '--out', 'thresholds.json', *small, on_training_images),
            test=('test.py', *model, *chosen, *small),
            demo=('image_demo.py', image, *model, '--map-kind', 'gate', '--device', 'cpu', *small),
        ),
    )
    results = json.loads((folder / 'report' / 'report.json').read_text())['results']
    assert {result['name']: result['map_kind'] for result in results} == {'tscam': 'gated', 'tscam-gate': 'gate'}
    assert all('gt_known_val' in [number['key'] for number in result['numbers']] for result in results)
    assert len(list((folder / 'pictures').glob('*.png'))) == 16
    (found,) = json.loads((folder / 'outputs' / 'predictions.json').read_text())['predictions']
    assert found['map_kind'] == 'gate'
