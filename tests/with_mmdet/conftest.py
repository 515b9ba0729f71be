"""What the tests of mmdet's tools share."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmtscam.apis import LocInferencer
from mmtscam.registry import MODELS


@pytest.fixture
def files(tiny_config: Config, tmp_path: Path) -> tuple[str, str]:
    """A config without data, as on a machine that only predicts, and weights under which maps are not flat."""
    cfg = copy.deepcopy(tiny_config)
    cfg.test_dataloader.dataset.dataset.data_root = 'none'
    cfg.dump(tmp_path / 'tiny.py')
    model = MODELS.build(tiny_config.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    classes = tuple(tiny_config.test_dataloader.dataset.metainfo.classes)
    meta = dict(dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / 'tiny.pth')
    return str(tmp_path / 'tiny.py'), str(tmp_path / 'tiny.pth')


@pytest.fixture
def ours(files: tuple[str, str]) -> LocInferencer:
    """Our inferencer, to compare with."""
    return LocInferencer(*files, device='cpu', show_progress=False)


@pytest.fixture
def paths(sample_set: Path) -> list[str]:
    """A few images, of several sizes."""
    return sorted(str(path) for path in (sample_set / 'images').rglob('*.jpg'))[:7]
