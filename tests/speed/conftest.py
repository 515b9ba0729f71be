"""A tiny model for the benchmark."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmtscam.speed import Setting


@pytest.fixture
def config_file(tiny_config: Config, tmp_path: Path) -> str:
    """The tiny config as a file; blocks are dropped while training."""
    tiny_config.model.backbone.drop_path_rate = 0.3
    tiny_config.dump(tmp_path / 'tiny.py')
    return str(tmp_path / 'tiny.py')


@pytest.fixture
def evaluate(config_file: str) -> Setting:
    """Evaluation of two batches of four images."""
    return Setting(config_file, 'evaluate', batch_size=4, batches=2)


@pytest.fixture
def evaluate_sat(tiny_config: Config, tmp_path: Path) -> Setting:
    """The same with a tiny SAT."""
    tiny_config.model.backbone.update(type='SATDeiT', gated_blocks=1, drop_path_rate=0.3)
    tiny_config.model.head.update(type='SATHead', map_kind='foreground', protocol='sat', threshold=0.4)
    tiny_config.dump(tmp_path / 'sat.py')
    return Setting(str(tmp_path / 'sat.py'), 'evaluate', batch_size=4, batches=2)


@pytest.fixture
def train_trilite(tiny_config: Config, tmp_path: Path) -> Setting:
    """A training step of a tiny TriLite."""
    tiny_config.model.backbone.update(frozen_stages=2, final_norm=False, drop_path_rate=0.3)
    tiny_config.model.head = dict(
        type='TriLiteHead', num_classes=8, in_channels=32, map_kind='foreground', protocol='sat'
    )
    tiny_config.dump(tmp_path / 'trilite.py')
    return Setting(str(tmp_path / 'trilite.py'), 'train', batch_size=4)
