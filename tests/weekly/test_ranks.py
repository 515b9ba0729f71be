"""One to four processes give the same metrics, reports, maps, thresholds, predictions and pseudo labels, to the byte.

The last batches are uneven, and some processes have no image at all.
"""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from ellipse_masks import add_masks
from mmengine.config import Config
from mmengine.structures import BaseDataElement
from rank_runs import TOOLS, RankRuns

RANKS = (1, 2, 3, 4)
# Numbers of images: fewer than processes, as many, and such as no number of processes divides.
SIZES = (1, 2, 3, 5, 13)
LAUNCHED = ('--launcher', 'pytorch')


class Ground:
    """A config and a checkpoint, processes that run tools on them, and what was compared."""

    def __init__(self, config: Path, checkpoint: str, folder: Path, runs: RankRuns) -> None:
        self.model = (config, checkpoint)
        self.config, self.folder, self.runs = config, folder, runs
        self.rows: list[str] = []

    def run(self, tool: str, words: list, ranks: int) -> None:
        launched = LAUNCHED if ranks > 1 else ()
        for ended in self.runs.run(TOOLS / tool, [*words, *launched], ranks, limit=300):
            assert ended.code == 0, ended.printed[-4000:]

    def compare(self, what: str, files: dict[int, dict[str, bytes]]) -> None:
        """Hold the files that each number of processes has written to those of one."""
        first = files[1]
        assert first
        for ranks, found in files.items():
            assert found.keys() == first.keys(), f'{what}, {ranks} processes'
            differing = [name for name, content in found.items() if content != first[name]]
            assert not differing, f'{what}, {ranks} processes: {", ".join(differing)} differ from those of one'
        size = sum(map(len, first.values()))
        self.rows.append(f'{what:<58} {", ".join(map(str, files)):<12} {len(first):>5} {size:>9}')

    def table(self) -> str:
        head = f'{"what":<58} {"processes":<12} {"files":>5} {"bytes":>9}'
        return '\n'.join([head, *self.rows])


@pytest.fixture
def ground(tiny_config, checkpoint, sample_set, tmp_path):
    tiny_config.pop('experiment_name')
    add_masks(tiny_config, sample_set, tmp_path / 'masks')
    # One at a time: of other batches the model makes maps that may differ in their last bits.
    for loader in (tiny_config.val_dataloader, tiny_config.test_dataloader):
        loader.batch_size = 1
    tiny_config.val_dataloader.dataset.dataset.split = 'train'
    tiny_config.test_evaluator = [
        *tiny_config.test_evaluator,
        dict(type='LocAccuracy', protocol=dict(base='wsol-v2', threshold=0.2), topk=[1, 2, 3], prefix='levels'),
        dict(type='MaxBoxAcc', protocol='wsol-v1', step=0.01, num_workers=2),
        dict(type='PixelAP'),
    ]
    config = tmp_path / 'tiny.py'
    tiny_config.dump(config)
    with RankRuns(tmp_path) as runs:
        ground = Ground(config, checkpoint, tmp_path / 'out', runs)
        yield ground
    print(f'\n{ground.table()}')


def written(folder: Path, *leave_out: str) -> dict[str, bytes]:
    """The files in a folder."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in leave_out
    }


@pytest.mark.parametrize('padded', [True, False])
def test_metrics_reports_and_maps(ground, padded):
    """Padded, as by default, the last share repeats images; else processes have fewer, or none."""
    for size in SIZES:
        files = {}
        for ranks in RANKS:
            folder = ground.folder / f'{size}-{ranks}'
            words = [
                *ground.model, '--work-dir', folder, '--report-dir', folder, '--save-maps', folder / 'maps.npz',
                '--out', folder / 'metrics.json', '--out-item', 'metrics',
            ]  # fmt: skip
            settings = [f'dataset.indices={size}', f'sampler.round_up={padded}']
            words += ['--cfg-options', *(f'test_dataloader.{setting}' for setting in settings)]
            ground.run('test.py', words, ranks)
            files[ranks] = written(folder, 'tiny.py')
        assert {'metrics.json', 'report.json', 'maps.npz', 'tscam.csv', 'levels.csv'} <= files[1].keys()
        assert len(files[1]['tscam.csv'].splitlines()) == size + 1
        ground.compare(f'test: {size} images, shares {"padded" if padded else "as they are"}', files)


def test_larger_batches(ground):
    """Batches of other images in other processes: maps to single precision, all else to the byte."""
    files = {}
    for ranks in RANKS:
        folder = ground.folder / str(ranks)
        words = [
            *ground.model, '--work-dir', folder, '--report-dir', folder, '--save-maps', folder / 'maps.npz',
            '--cfg-options', 'test_dataloader.dataset.indices=13', 'test_dataloader.batch_size=3',
        ]  # fmt: skip
        ground.run('test.py', words, ranks)
        files[ranks] = written(folder, 'tiny.py')
    maps = {ranks: found.pop('maps.npz') for ranks, found in files.items()}
    ground.compare('test: 13 images in batches of 3, without maps', files)
    far = max(largest_difference(maps[1], maps[ranks]) for ranks in RANKS)
    assert far < 1e-6  # some roundings of single precision, of values up to 1
    ground.rows.append(f'its maps differ by at most {far:.1g} of their maximum')


def largest_difference(one: bytes, other: bytes) -> float:
    """Between the maps of two files, as a share of each map's maximum; all else in them is the same."""
    files = [np.load(io.BytesIO(content)) for content in (one, other)]
    assert files[0].files == files[1].files
    far = 0.0
    for name in files[0].files:
        first, second = (file[name] for file in files)
        if not (isinstance(first, np.ndarray) and first.dtype.kind == 'f'):
            assert np.array_equal(first, second) if isinstance(first, np.ndarray) else first == second, name
        elif first.size:
            far = max(far, float(np.abs(first - second).max() / np.abs(first).max()))
    return far


def test_predictions(ground):
    files = {}
    for ranks in RANKS:
        out = ground.folder / str(ranks) / 'predictions.pkl'
        words = [*ground.model, '--work-dir', out.parent, '--out', out]
        ground.run('test.py', [*words, '--cfg-options', 'test_dataloader.dataset.indices=5'], ranks)
        samples = pickle.loads(out.read_bytes())
        assert len(samples) == 5
        files[ranks] = {sample['img_path']: plain(sample).encode() for sample in samples}
    ground.compare('test --out: the predictions of 5 images', files)


def plain(sample: object) -> str:
    """A sample as a text with every digit."""
    if isinstance(sample, BaseDataElement):
        return plain(sample.to_dict())
    if isinstance(sample, dict):
        return '{' + ', '.join(f'{key}: {plain(sample[key])}' for key in sorted(sample)) + '}'
    return str(sample.tolist()) if isinstance(sample, torch.Tensor) else repr(sample)


def test_chosen_thresholds(ground):
    files = {}
    for ranks in RANKS:
        out = ground.folder / str(ranks) / 'thresholds.json'
        words = [*ground.model, '--work-dir', ground.folder / f'log{ranks}', '--out', out]
        ground.run('analysis/choose_threshold.py', [*words, '--cfg-options', 'val_dataloader.dataset.indices=5'], ranks)
        files[ranks] = written(out.parent)
    ground.compare('choose_threshold: 5 images', files)


def test_pseudo_labels(ground):
    """One part is work for one process only."""
    for size in (1, 3, 13):
        files = {}
        for ranks in RANKS:
            out = ground.folder / f'{size}-{ranks}' / 'boxes.json'
            out.parent.mkdir(parents=True)
            words = [*ground.model, '--out', out, '--part-size', 4, '--batch-size', 3, '--num-workers', ranks % 2]
            ground.run(
                'dataset_converters/pseudo_label.py',
                [*words, '--cfg-options', f'train_dataloader.dataset.indices={size}'],
                ranks,
            )
            files[ranks] = written(out.parent)
        assert len(json.loads(files[1]['boxes.json'])['images']) == size
        ground.compare(f'pseudo_label: {size} images in parts of 4', files)


def test_training_on_fewer_images_than_processes(ground):
    """The validation of four processes tells what a test by one does."""
    folder = ground.folder
    cfg = Config.fromfile(ground.config)
    cfg.train_cfg.max_epochs = 1
    cfg.train_dataloader.dataset.indices = cfg.val_dataloader.dataset.indices = 3
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    config = ground.config.with_name('few.py')
    cfg.dump(config)
    ground.run('train.py', [config, '--work-dir', folder], 4)
    (log,) = folder.glob('*/vis_data/scalars.json')
    validated = json.loads(log.read_text().splitlines()[-1])
    out = folder / 'metrics.json'
    words = [config, folder / 'epoch_1.pth', '--work-dir', folder / 'test', '--out', out, '--out-item', 'metrics']
    ground.run('test.py', words, 1)
    tested = json.loads(out.read_text())
    assert len(tested) >= 5
    assert {name: validated[name] for name in tested} == tested
    ground.rows.append(f'train: validation of 3 images by 4 processes, test by 1: {len(tested)} metrics are the same')
