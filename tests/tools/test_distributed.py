import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner


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


def test_evaluation_on_two_processes(tool_config, tmp_path, run, port):
    # An odd number: the last batch of one process is filled up and must not count.
    tool_config.test_dataloader.dataset.indices = 13
    tool_config.dump(tmp_path / 'tiny.py')
    model = Runner.from_cfg(Config({**tool_config, 'experiment_name': tmp_path.name})).model
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    single, double = evaluate_both_ways(run, port, tmp_path / 'tiny.py', tmp_path / 'model.pth', tmp_path)
    assert single == double
    assert sum(value for name, value in single.items() if name.startswith('tscam/outcome_')) == 13


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
        # What is left is the rounding of weights that are larger than their gradient.
        assert (gradients['double'][key] - single).abs().max() <= 1e-4 * largest + 1e-6, key
