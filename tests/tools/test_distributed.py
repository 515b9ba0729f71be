import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmtscam.registry import DATASETS


@pytest.fixture(scope='module')
def port():
    return '29617'


def evaluate_both_ways(run, port, config, checkpoint, tmp_path):
    """Metrics of one process and of two."""
    single, double = tmp_path / 'single.json', tmp_path / 'double.json'
    run(
        'python', 'tools/test.py', config, checkpoint, '--work-dir', tmp_path / 'single',
        '--out', single, '--out-item', 'metrics',
    )  # fmt: skip
    run(
        'bash', 'tools/dist_test.sh', config, checkpoint, '2', '--work-dir', tmp_path / 'double',
        '--out', double, '--out-item', 'metrics', PORT=port,
    )  # fmt: skip
    return json.loads(single.read_text()), json.loads(double.read_text())


def add_masks(cfg, data_root, folder):
    """A mask for every image of the test split: an ellipse in its true box."""
    for info in DATASETS.build(cfg.test_dataloader.dataset.copy()):
        sample = info['data_samples']
        x1, y1, x2, y2 = sample.gt_instances.bboxes[0].int().tolist()
        mask = np.zeros(sample.ori_shape, np.uint8)
        cv2.ellipse(mask, ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2), 0, 0, 360, 255, -1)
        path = (folder / Path(sample.img_path).relative_to(data_root / 'images')).with_suffix('.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), mask)
    cfg.test_dataloader.dataset.masks = dict(type='MaskImages', mask_dir=str(folder))


@pytest.mark.slow
def test_every_metric_on_one_two_and_three_processes(tool_config, sample_set, tmp_path, run, port):
    add_masks(tool_config, sample_set, tmp_path / 'masks')
    # Neither two nor three divides it: the last batches are filled up with images that must not count.
    tool_config.test_dataloader.dataset.indices = 13
    # One at a time and on one thread: of other batches the model makes maps that differ in their last bits.
    tool_config.test_dataloader.batch_size = 1
    tool_config.test_evaluator = [
        *tool_config.test_evaluator,
        dict(type='LocAccuracy', protocol=dict(base='wsol-v2', threshold=0.2), topk=[1, 2, 3], prefix='levels'),
        dict(type='MaxBoxAcc', protocol='wsol-v1', step=0.01, num_workers=2),
        dict(type='PixelAP'),
    ]
    tool_config.dump(tmp_path / 'tiny.py')
    model = Runner.from_cfg(Config({**tool_config, 'experiment_name': tmp_path.name})).model
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    outcomes = []
    for processes in (1, 2, 3):
        folder = tmp_path / str(processes)
        command = ['python', 'tools/test.py', tmp_path / 'tiny.py', tmp_path / 'model.pth']
        if processes > 1:
            command = ['bash', 'tools/dist_test.sh', *command[2:], processes]
        run(
            *command, '--work-dir', folder, '--out', folder / 'metrics.json', '--out-item', 'metrics',
            '--report-dir', folder, '--save-maps', folder / 'maps.npz',
            PORT=port, OMP_NUM_THREADS='1',
        )  # fmt: skip
        # Of each image a row; all figures, counts, curves; the maps to the byte.
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        files.pop('tiny.py')
        outcomes.append(files)
    assert set(outcomes[0]) == {
        'metrics.json', 'report.json', 'maps.npz',
        'tscam.csv', 'tscam-attention.csv', 'tscam-semantic.csv', 'levels.csv',
    }  # fmt: skip
    assert outcomes[0] == outcomes[1] == outcomes[2]
    metrics = json.loads(outcomes[0]['metrics.json'])
    assert sum(value for name, value in metrics.items() if name.startswith('tscam/outcome_')) == 13
    assert len(outcomes[0]['tscam.csv'].splitlines()) == 14
    for name in ('wsol-v1/maxboxacc_oracle', 'wsol-v2/maxboxacc_oracle', 'wsol-v2/pxap', 'levels/gt_known_mean'):
        assert 0 < metrics[name] < 100


@pytest.mark.slow
def test_evaluation_of_243_images_on_two_processes(assets, repo, tmp_path, run, port):
    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub_released.py')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=27, num_workers=0, persistent_workers=False)
        loader.dataset.dataset.data_root = str(assets / 'data' / 'CUB_200_2011')
    cfg.model.head.num_classes = 10
    cfg.model.backbone.init_cfg.checkpoint = str(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')
    cfg.work_dir = str(tmp_path / 'work_dir')
    cfg.dump(tmp_path / 'cub.py')
    model = Runner.from_cfg(Config({**cfg, 'experiment_name': tmp_path.name})).model
    model.init_weights()
    golden = np.load(assets / 'golden' / 'tscam_model.npz')
    model.head.conv.weight.data = torch.from_numpy(golden['head_weight'])
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    single, double = evaluate_both_ways(run, port, tmp_path / 'cub.py', tmp_path / 'model.pth', tmp_path)
    assert single == double
    assert sum(value for name, value in single.items() if name.startswith('tscam/outcome_')) == 243


@pytest.mark.slow
def test_training_step_on_two_processes(tool_config, tmp_path, run, port):
    """One step of plain SGD at learning rate 1: the change of the weights is the gradient."""
    tool_config.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.0))
    tool_config.train_dataloader.dataset.pipeline = tool_config.test_pipeline
    tool_config.train_dataloader.dataset.indices = 8
    tool_config.train_dataloader.sampler.shuffle = False
    tool_config.train_cfg.max_epochs = 1
    start = Runner.from_cfg(Config({**tool_config, 'experiment_name': tmp_path.name})).model.state_dict()
    torch.save({'state_dict': start}, tmp_path / 'start.pth')
    tool_config.load_from = str(tmp_path / 'start.pth')
    tool_config.dump(tmp_path / 'tiny.py')
    gradients = {}
    for name, batch, command in (
        ('single', 8, ['python', 'tools/train.py', tmp_path / 'tiny.py']),
        ('double', 4, ['bash', 'tools/dist_train.sh', tmp_path / 'tiny.py', '2']),
    ):
        run(
            *command, '--work-dir', tmp_path / name, '--no-validate',
            '--cfg-options', f'train_dataloader.batch_size={batch}', PORT=port,
        )  # fmt: skip
        checkpoint = torch.load(tmp_path / name / 'epoch_1.pth')
        assert checkpoint['meta']['iter'] == 1
        gradients[name] = {key: start[key] - value for key, value in checkpoint['state_dict'].items()}
    for key, single in gradients['single'].items():
        largest = single.abs().max()
        assert largest > 0, key
        # The rest is the rounding of weights that are larger than their gradient.
        assert (gradients['double'][key] - single).abs().max() <= 1e-4 * largest + 1e-6, key
