"""Fixtures and constants that the tests of mmdet's tools share."""

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from mmtscam.apis import LocInferencer


@pytest.fixture
def files(tiny_config: Config, checkpoint: str, tmp_path: Path) -> tuple[str, str]:
    """A config without data, as on a machine that only predicts, and weights under which maps are not flat."""
    cfg = copy.deepcopy(tiny_config)
    cfg.test_dataloader.dataset.dataset.data_root = 'none'
    cfg.dump(tmp_path / 'tiny.py')
    return str(tmp_path / 'tiny.py'), checkpoint


@pytest.fixture
def ours(files: tuple[str, str]) -> LocInferencer:
    """Our inferencer, to compare with."""
    return LocInferencer(*files, device='cpu', show_progress=False)


@pytest.fixture
def paths(sample_set: Path) -> list[str]:
    """A few images, of several sizes."""
    return sorted(str(path) for path in (sample_set / 'images').rglob('*.jpg'))[:7]
