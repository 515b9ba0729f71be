import json
import pickle
import re

import pytest
import torch


@pytest.mark.slow
def test_train_then_test(tool_config, tmp_path, run):
    config = tmp_path / 'tiny.py'
    tool_config.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))
    tool_config.dump(config)
    work_dir = tmp_path / 'run'
    output = run(
        'python', 'tools/train.py', config, '--work-dir', work_dir,
        '--cfg-options', 'train_cfg.max_epochs=3', 'optim_wrapper.optimizer.lr=1e-3',
    ).stdout  # fmt: skip
    assert re.search(r'Epoch\(train\)\s+\[3\]\[3/3\]', output)
    # The last checkpoints and the best one on Top-1 Loc, logs for people and for TensorBoard.
    names = {path.name for path in work_dir.iterdir()}
    assert {'epoch_2.pth', 'epoch_3.pth', 'last_checkpoint', 'tiny.py'} <= names
    assert 'epoch_1.pth' not in names
    assert any(name.startswith('best_tscam_loc_top1_epoch_') for name in names)
    assert list(work_dir.rglob('events.out.tfevents.*'))
    assert list(work_dir.rglob('scalars.json'))

    results, pictures = tmp_path / 'metrics.json', tmp_path / 'pictures'
    run(
        'python', 'tools/test.py', config, work_dir / 'epoch_3.pth', '--work-dir', tmp_path / 'test',
        '--out', results, '--out-item', 'metrics', '--show-dir', pictures, '--interval', '8',
    )  # fmt: skip
    metrics = json.loads(results.read_text())
    for prefix in ('tscam', 'tscam-attention', 'tscam-semantic'):
        assert 0 <= metrics[f'{prefix}/gt_known'] <= 100
    assert sum(value for name, value in metrics.items() if name.startswith('tscam/outcome_')) == 16
    assert len(list(pictures.iterdir())) == 2

    run(
        'python', 'tools/test.py', config, work_dir / 'epoch_3.pth', '--work-dir', tmp_path / 'test',
        '--out', tmp_path / 'pred.pkl',
    )  # fmt: skip
    with (tmp_path / 'pred.pkl').open('rb') as file:
        predictions = pickle.load(file)
    assert len(predictions) == 16
    assert predictions[0]['pred_instances']['bboxes'].shape == (5, 4)


@pytest.mark.slow
def test_auto_scale_lr(tool_config, tmp_path, serve):
    tool_config.dump(tmp_path / 'tiny.py')
    output = serve(
        'python', 'tools/train.py', tmp_path / 'tiny.py', '--work-dir', tmp_path / 'run', '--auto-scale-lr',
        '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1',
    ).stdout  # fmt: skip
    assert 'Scaling the original LR by 0.25' in output  # 8 images a step instead of 32
    assert ' lr: 5.0000e-05' in output
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


@pytest.mark.slow
def test_errors_say_what_to_do(tool_config, tmp_path, serve, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    config = tmp_path / 'tiny.py'
    tool_config.dump(config)
    torch.save({'state_dict': {'backbone.cls_token': torch.zeros(1, 1, 5)}}, tmp_path / 'other.pth')
    printed = serve('python', 'tools/test.py', config, 'none.pth', '--out', 'x.json', code=2).stdout
    assert 'for metrics add --out-item metrics' in printed
    for command, message in (
        (['tools/test.py', 'none.py', 'none.pth'], 'none.py: config file not found'),
        (['tools/test.py', config, 'none.pth'], 'none.pth: checkpoint not found'),
        (
            ['tools/test.py', config, tmp_path / 'other.pth', '--work-dir', tmp_path / 'run'],
            'other.pth: does not fit this config: its backbone seems to be a network that is not known here',
        ),
        (
            ['tools/train.py', config, '--work-dir', tmp_path / 'run', '--cfg-options', 'model.head.num_classes=4'],
            'label 4 is outside the 4 classes of the head',
        ),
    ):
        printed = serve('python', *command, code=1).stdout
        assert message in printed.splitlines()[-1] and 'Traceback' not in printed


@pytest.mark.slow
def test_mixed_precision(tool_config, tmp_path, serve, monkeypatch):
    """``--amp`` trains and evaluates in half precision, on a CPU too."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    config = tmp_path / 'tiny.py'
    tool_config.dump(config)
    work_dir = tmp_path / 'run'
    trained = serve('python', 'tools/train.py', config, '--amp', '--work-dir', work_dir).stdout
    assert 'mmtscam.Bf16OptimWrapper' in trained
    checkpoint = (work_dir / 'last_checkpoint').read_text()
    results = {}
    for name, flags in {'full': [], 'half': ['--amp']}.items():
        out = tmp_path / f'{name}.pkl'
        serve('python', 'tools/test.py', config, checkpoint, '--out', out, '--work-dir', work_dir, *flags)
        with out.open('rb') as file:
            results[name] = pickle.load(file)
    for full, half in zip(results['full'], results['half'], strict=True):
        assert full['pred_score'].dtype == half['pred_score'].dtype == torch.float32
        assert half['class_maps']['maps'].dtype == torch.float32
        assert not torch.equal(full['pred_score'], half['pred_score'])
        torch.testing.assert_close(full['pred_score'], half['pred_score'], rtol=0.05, atol=0.01)
