"""Fixtures and constants that several tests share."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from tiny_configs import make_tiny_config

from mmtscam.datasets import make_sample_set
from mmtscam.registry import DATASETS, MODELS

# A user's project: imported by its own configs, in processes of their own.
collect_ignore = ['example_project']

REPO = Path(__file__).resolve().parents[1]
DATA = Path(__file__).parent / 'data'


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, and the tools that tests interrupt would inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that at the end no process works alone on a long one."""
    weight = Counter(item.path for item in items if item.get_closest_marker('slow'))
    items.sort(key=lambda item: -weight[item.path])


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Our scope and a fixed seed; no scope, logger or hook is left behind."""
    hook = sys.unraisablehook
    init_default_scope('mmtscam')
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - mmcv's transforms draw from it
    yield
    sys.unraisablehook = hook
    DefaultScope._instance_dict.clear()
    MMLogger._instance_dict.clear()


@pytest.fixture(scope='session')
def repo() -> Path:
    """The repository's root."""
    return REPO


@pytest.fixture(scope='session')
def assets() -> Path:
    """The folder with real images, weights and golden numbers, which not every machine has."""
    folder = (REPO / os.environ.get('MMTSCAM_TEST_ASSETS', '../shared')).resolve()
    if not (folder / 'golden').is_dir():
        pytest.skip(f'no test assets at {folder}; name their folder in MMTSCAM_TEST_ASSETS')
    return folder


@pytest.fixture(scope='session')
def golden_small() -> dict[str, np.ndarray]:
    """The reference's small model: weights, inputs and everything it computes."""
    return dict(np.load(DATA / 'tscam_small.npz'))


@pytest.fixture(scope='session')
def golden_eval() -> dict[str, np.ndarray]:
    """The reference's evaluation of 96 images."""
    return dict(np.load(DATA / 'tscam_eval.npz'))


@pytest.fixture(scope='session')
def sample_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample set in CUB's layout: 8 classes of 3 training and 2 test images."""
    return make_sample_set(tmp_path_factory.mktemp('data') / 'sample', per_class=(3, 2))


@pytest.fixture
def tiny_config(sample_set: Path, tmp_path: Path) -> Config:
    """A complete config of a very small TS-CAM on the small sample set; trains in seconds."""
    return make_tiny_config(sample_set, tmp_path)


@pytest.fixture
def tiny_files(tiny_config: Config, tmp_path: Path) -> tuple[Path, Path]:
    """The tiny config as a file, and a checkpoint of random weights with the names of the classes."""
    config, checkpoint = tmp_path / 'tiny.py', tmp_path / 'tiny.pth'
    tiny_config.dump(config)
    classes = DATASETS.build(tiny_config.test_dataloader.dataset).metainfo['classes']
    state = MODELS.build(tiny_config.model).state_dict()
    torch.save(dict(state_dict=state, meta=dict(dataset_meta=dict(classes=classes))), checkpoint)
    return config, checkpoint


@pytest.fixture
def checkpoint(tiny_config: Config, tmp_path: Path) -> str:
    """Weights for the tiny config under which maps are not flat, with the names of the classes."""
    model = MODELS.build(tiny_config.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    classes = DATASETS.build(tiny_config.test_dataloader.dataset).metainfo['classes']
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=classes))), tmp_path / 'lively.pth'
    )
    return str(tmp_path / 'lively.pth')


@pytest.fixture
def cnn_config(tmp_path: Path) -> str:
    """Config file of a tiny convolutional network."""
    cfg = Config(
        dict(
            model=dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(
                    type='mmpretrain.ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True
                ),
                backbone=dict(type='CAMResNet', depth=18, base_channels=16, stem_channels=16, strides=(1, 2, 2, 1)),
                head=dict(type='CAMHead', num_classes=4, in_channels=128, threshold=0.2),
            ),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            default_scope='mmtscam',
        )
    )
    cfg.dump(tmp_path / 'tiny_cnn.py')
    return str(tmp_path / 'tiny_cnn.py')
