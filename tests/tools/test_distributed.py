import json

import numpy as np
import pytest
import torch
from ellipse_masks import add_masks
from mmengine.config import Config
from mmengine.runner import Runner
from rank_runs import TOOLS, RankRuns


@pytest.fixture(scope='module')
def port():
    return '29617'


def evaluate_both_ways(serve, port, config, checkpoint, tmp_path):
    """Metrics of one process and of two."""
    single, double = tmp_path / 'single.json', tmp_path / 'double.json'
    serve(
        'python', 'tools/test.py', config, checkpoint, '--work-dir', tmp_path / 'single',
        '--out', single, '--out-item', 'metrics',
    )  # fmt: skip
    serve(
        'bash', 'tools/dist_test.sh', config, checkpoint, '2', '--work-dir', tmp_path / 'double',
        '--out', double, '--out-item', 'metrics', PORT=port,
    )  # fmt: skip
    return json.loads(single.read_text()), json.loads(double.read_text())


@pytest.mark.slow
def test_every_metric_on_one_two_and_three_processes(tool_config, sample_set, tmp_path, serve, port):
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
        serve(
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
def test_evaluation_of_243_images_on_two_processes(assets, repo, tmp_path, serve, port):
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
    single, double = evaluate_both_ways(serve, port, tmp_path / 'cub.py', tmp_path / 'model.pth', tmp_path)
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


@pytest.mark.slow
def test_a_failure_in_one_process_ends_the_others(tool_config, checkpoint, tmp_path):
    """Processes that were started by hand; weekly/test_rank_failures.py has every kind of failure."""
    config = tmp_path / 'tiny.py'
    tool_config.custom_imports = dict(imports=['rank_faults'], allow_failed_imports=False)
    tool_config.custom_hooks = [dict(type='FaultHook', fault='no file', point='after_test_iter', others=600)]
    tool_config.dump(config)
    rest = ['--work-dir', tmp_path / 'work_dir', '--launcher', 'pytorch']
    with RankRuns(tmp_path) as runs:
        busy = runs.run(TOOLS / 'test.py', [config, checkpoint, *rest], 2)
        # The other would wait for half an hour for this one to join.
        alone = runs.run(TOOLS / 'test.py', [[config, checkpoint, *rest], [config, 'none.pth', *rest]], 2)
    for ends, message in (
        (busy, "rank 1: [Errno 2] No such file or directory: 'nowhere/needed.txt'"),
        (alone, 'rank 1: none.pth: checkpoint not found'),
    ):
        assert [ended.code for ended in ends] == [1, 1]
        lines = [ended.printed.splitlines()[-1] for ended in ends]
        assert lines == ['rank 0 ends, since rank 1 has failed or was stopped', message]
        assert not any('Traceback' in ended.printed for ended in ends)
