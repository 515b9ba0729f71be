"""The Runner says what it trains with, where mmengine would not."""

import copy
import shutil
import time
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner
from mmengine.visualization import LocalVisBackend

from mmtscam.engine.careful_runner import CarefulRunner
from mmtscam.registry import METRICS, VISBACKENDS
from mmtscam.utils.claims import Claim


@pytest.fixture
def build(tiny_config, tmp_path):
    """A Runner of a tiny model on four images."""
    tiny_config.train_dataloader.dataset.indices = 4
    tiny_config.train_dataloader.batch_size = 2
    cfg = tiny_config.copy()

    def build(kind=CarefulRunner, name='run', **changes):
        whole = copy.deepcopy(cfg)
        whole.merge_from_dict(dict(work_dir=str(tmp_path / 'run'), experiment_name=f'{tmp_path.name}-{name}'))
        whole.val_cfg = whole.val_dataloader = whole.val_evaluator = None
        whole.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
        for key, value in changes.items():
            whole[key] = value
        return kind.from_cfg(whole)

    return build


@pytest.mark.parametrize(('kind', 'rate'), [(CarefulRunner, 0.03), (Runner, 0.01)])
def test_accumulated_batches_count(build, kind, rate):
    wrapper = dict(optimizer=dict(type='SGD', lr=0.04), accumulative_counts=3)
    runner = build(kind, optim_wrapper=wrapper, auto_scale_lr=dict(enable=True, base_batch_size=8))
    optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(optim_wrapper, runner.auto_scale_lr)
    assert optim_wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(rate)


def test_without_scaling_nothing_changes(build):
    runner = build(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.04), accumulative_counts=3))
    optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(optim_wrapper, runner.auto_scale_lr)
    assert optim_wrapper.optimizer.param_groups[0]['lr'] == 0.04


@pytest.mark.slow
def test_a_resumed_run_says_that_it_keeps_its_schedule(build, capfd):
    schedule = dict(type='CosineAnnealingLR', T_max=1, by_epoch=True, begin=0, end=1)
    build(param_scheduler=schedule, train_cfg=dict(by_epoch=True, max_epochs=1)).train()
    longer = dict(schedule, T_max=2, end=2)
    capfd.readouterr()
    runner = build(name='longer', param_scheduler=longer, train_cfg=dict(by_epoch=True, max_epochs=2), resume=True)
    runner.train()
    said = ''.join(capfd.readouterr())
    assert 'param_scheduler[0], CosineAnnealingLR: ' in said
    assert 'stays 1, as in the checkpoint, and does not become 2' in said
    assert runner.param_schedulers[0].end == 1


@pytest.mark.slow
def test_the_same_schedule_goes_on_without_a_word(build, capfd, tmp_path):
    same = dict(
        param_scheduler=dict(type='MultiStepLR', milestones=[1], by_epoch=True),
        train_cfg=dict(by_epoch=True, max_epochs=2),
    )
    build(**same).train()
    capfd.readouterr()
    build(name='b', resume=True, load_from=str(tmp_path / 'run' / 'epoch_1.pth'), **same).train()
    assert 'stay' not in ''.join(capfd.readouterr())


def test_a_resumed_run_says_that_it_keeps_its_optimizer(build, capfd):
    def settings(rate, base=16):
        paramwise = dict(custom_keys={'backbone': dict(lr_mult=0.1)}, norm_decay_mult=0.0)
        return dict(
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=rate, weight_decay=0.05), paramwise_cfg=paramwise),
            param_scheduler=dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=50),
            auto_scale_lr=dict(enable=True, base_batch_size=base),
            train_cfg=dict(by_epoch=True, max_epochs=1),
        )

    build(**settings(0.001)).train()
    # The epoch is done, so nothing is left to train.
    for name, asked, said in (('same', (0.001,), False), ('rate', (0.004,), True), ('scaled', (0.001, 8), True)):
        capfd.readouterr()
        build(name=name, resume=True, **settings(*asked)).train()
        assert (
            "optim_wrapper: the checkpoint's settings stay, and not the config's: lr" in ''.join(capfd.readouterr())
        ) == said


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'val_dataloader.dataset.boxes': None}, 'needs true boxes, and .* give the data set a box reader'),
        ({'val_evaluator': [dict(type='PixelAP', protocol='wsol-v2')]}, 'no true mask to compare with'),
        ({'val_evaluator': [dict(type='LocAccuracy', map_kind='mine')]}, 'mine'),
        ({'val_dataloader.dataset.pipeline': [dict(type='LoadImageFromFile')]}, 'inputs'),
    ],
)
def test_what_a_validation_lacks_is_said_before_the_first_step(tiny_config, changes, message):
    tiny_config.merge_from_dict(changes)
    runner = CarefulRunner.from_cfg(tiny_config)
    with pytest.raises((ValueError, KeyError), match=message):
        runner.train()
    assert runner.iter == 0


def test_a_rehearsal_leaves_no_trace(tiny_config, tmp_path):
    """Weights, numbers and random draws are those of a run without it."""
    states = []
    for index, kind in enumerate((CarefulRunner, Runner)):
        cfg = copy.deepcopy(tiny_config)
        cfg.merge_from_dict(dict(work_dir=str(tmp_path / f'{index}'), experiment_name=f'{tmp_path.name}-{index}'))
        runner = kind.from_cfg(cfg)
        model = runner.train()
        numbers = {key: value for key, value in runner.message_hub.log_scalars.items() if 'time' not in key}
        states.append((model.state_dict(), {key: value.current() for key, value in numbers.items()}))
    (ours, our_numbers), (theirs, their_numbers) = states
    assert our_numbers == their_numbers
    assert any('gt_known' in key for key in our_numbers)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


class ReseedingVisBackend(LocalVisBackend):
    """Sets the generators when it starts, as ClearML's does."""

    started: ClassVar[list] = []

    def _init_env(self):
        super()._init_env()
        self.started.append(self)
        torch.manual_seed(1337)


def test_a_back_end_that_seeds_leaves_the_run_its_seed(build):
    """Two seeds give two models, and the same ones as without the back end."""

    def drawn(seed, kind, name):
        VISBACKENDS.register_module(module=kind, name='Tried', force=True)
        visualizer = dict(type='LocVisualizer', vis_backends=[dict(type='Tried')])
        runner = build(name=name, visualizer=visualizer, randomness=dict(seed=seed))
        return runner.model.backbone.layers[0].attn.qkv.weight.detach()

    weights = [drawn(seed, ReseedingVisBackend, f'reseeding-{seed}') for seed in (26, 27)]
    assert len(ReseedingVisBackend.started) == 2
    assert not torch.equal(*weights)
    assert torch.equal(drawn(26, LocalVisBackend, 'local'), weights[0])


def test_groups_of_parameters_are_plain_dicts(build):
    """Else PyTorch 2.14 cannot compile the optimizer's step."""
    wrapper = dict(optimizer=dict(type='SGD', lr=0.04, weight_decay=0.1), paramwise_cfg=dict(norm_decay_mult=0.0))
    runner = build(optim_wrapper=wrapper)
    groups = runner.build_optim_wrapper(runner.optim_wrapper).optimizer.param_groups
    assert len(groups) > 2
    assert {type(group) for group in groups} == {dict}
    assert {group['weight_decay'] for group in groups} == {0, 0.1}


def test_runs_of_the_same_second_have_folders_of_their_own(build, monkeypatch):
    monkeypatch.setattr(time, 'time', lambda: 1.7e9)
    runners = [build(name=name) for name in 'ab']
    first, second = (Path(runner.log_dir) for runner in runners)
    assert first != second and first.parent == second.parent
    assert (first.is_dir(), second.is_dir()) == (True, True)
    assert [runner.timestamp for runner in runners] == [first.name, second.name]


def test_two_trainings_in_one_folder(build):
    claim = Claim(Path(build().work_dir))
    with pytest.raises(BlockingIOError, match=r'run: another run writes there at this moment'):
        build(name='b').train()
    claim.release()


def test_checkpoints_of_an_earlier_training_are_spoken_of(build, capfd, tmp_path):
    def said(name, **changes):
        capfd.readouterr()
        build(name=name, train_cfg=dict(by_epoch=True, max_epochs=1), **changes).train()
        return 'has checkpoints of an earlier training (epoch_1.pth)' in ''.join(capfd.readouterr())

    assert [said('first'), said('resumed', resume=True), said('anew')] == [False, False, True]


@pytest.mark.parametrize('best', [True, False])
def test_a_validation_that_was_cut_off_is_done_before_the_next_epoch(tiny_config, tmp_path, best):
    """The second epoch is better than the first, or is not."""
    cfg = tiny_config
    cfg.default_hooks.checkpoint.save_best = 'loc/score'
    cfg.val_evaluator = dict(type='Scripted', scores=[1.0, 2.0 if best else 0.5, 0.7])
    cfg.train_cfg.max_epochs = 3

    def run(folder, name, **changes):
        Scripted.done = changes.pop('done', 0)
        whole = copy.deepcopy(cfg)
        whole.merge_from_dict(
            dict(work_dir=str(tmp_path / folder), experiment_name=f'{tmp_path.name}-{name}', **changes)
        )
        CarefulRunner.from_cfg(whole).train()
        return sorted(path.name for path in (tmp_path / folder).glob('*.pth'))

    wanted = run('whole', 'a')
    assert f'best_loc_score_epoch_{2 if best else 1}.pth' in wanted
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Scripted, 'stop_at', 1)
        run('parted', 'b')
    assert run('parted', 'c', resume=True, done=1) == wanted


@pytest.mark.parametrize('copied', [False, True])
def test_the_best_checkpoint_of_another_folder_stays(tiny_config, tmp_path, copied, capfd):
    """A run that goes on elsewhere, after a checkpoint that is named or in a copy of the folder."""
    cfg = tiny_config
    cfg.default_hooks.checkpoint.update(save_best='loc/score', max_keep_ckpts=1)
    cfg.val_evaluator = dict(type='Scripted', scores=[1.0, 2.0])

    def run(folder, epochs, **changes):
        Scripted.done = epochs - 1
        whole = copy.deepcopy(cfg)
        name = f'{tmp_path.name}-{folder}'
        whole.merge_from_dict(dict(work_dir=str(tmp_path / folder), experiment_name=name, **changes))
        whole.train_cfg.max_epochs = epochs
        CarefulRunner.from_cfg(whole).train()
        return sorted(path.name for path in (tmp_path / folder).glob('best_*.pth'))

    assert run('first', 1) == ['best_loc_score_epoch_1.pth']
    if copied:
        shutil.copytree(tmp_path / 'first', tmp_path / 'second')
    file = str(tmp_path / ('second' if copied else 'first') / 'epoch_1.pth')
    assert run('second', 2, resume=True, load_from=file) == ['best_loc_score_epoch_2.pth']
    assert [path.name for path in (tmp_path / 'first').glob('best_*.pth')] == ['best_loc_score_epoch_1.pth']
    said = 'first/best_loc_score_epoch_1.pth: the best checkpoint so far is of another folder, where it stays'
    assert said in ''.join(capfd.readouterr())


def test_a_config_within_a_checkpoint_is_not_run(build, tmp_path):
    settings = dict(train_cfg=dict(by_epoch=True, max_epochs=1))
    build(**settings).train()
    file, mark = tmp_path / 'run' / 'epoch_1.pth', tmp_path / 'mark'
    content = torch.load(file, weights_only=False)
    content['meta']['config'] = f'open({str(mark)!r}, "w").close()\n'
    torch.save(content, file)
    build(name='b', resume=True, load_from=str(file), **settings).train()
    assert not mark.exists()


def test_synchronised_norms_that_would_compute_something_else(build):
    runner = build()
    layer = torch.nn.BatchNorm2d(3)
    layer.register_forward_hook(lambda module, inputs, output: -output)
    runner._distributed, runner.cfg.sync_bn = True, 'torch'
    with pytest.raises(ValueError, match=r'^sync_bn would take hooks from 0, and change what the model computes'):
        runner.wrap_model(None, torch.nn.Sequential(layer))


def test_other_schedules_do_not_resume(build, tmp_path):
    settings = dict(train_cfg=dict(by_epoch=True, max_epochs=1))
    build(param_scheduler=dict(type='MultiStepLR', milestones=[1]), **settings).train()
    with pytest.raises(
        ValueError, match=r'epoch_1\.pth: its training follows a schedule of gamma, milestones, and the'
    ):
        build(name='b', resume=True, param_scheduler=dict(type='ExponentialLR', gamma=0.9), **settings).train()


@METRICS.register_module()
class Scripted(BaseMetric):
    """Gives one score after the other; ``stop_at`` interrupts."""

    default_prefix = 'loc'
    done = 0
    stop_at = None

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def process(self, data_batch, data_samples):
        self.results += [0] * len(data_samples)

    def compute_metrics(self, results):
        if self.done == self.stop_at:
            raise KeyboardInterrupt
        Scripted.done += 1
        return dict(score=self.scores[Scripted.done - 1])
