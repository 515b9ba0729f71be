#!/usr/bin/env bash
# mmengine: a training that is stopped between the checkpoint of an epoch and its
# validation is never validated at that epoch: resumed, it begins with the next one.
#
# Versions:  mmengine 0.10.7, torch 2.11.0, numpy 2.4.6, Python 3.11
# Guess:     a resumed run does what an undisturbed one does; what was cut off is made up.
# Behaviour: the checkpoint is written before the validation and counts its epoch as done.
#            The log lacks the validation, and save_best may miss the best epoch. Validation
#            of ImageNet takes minutes, so a time limit of a cluster often falls into it.
# Seen:      validated after epochs [1, 2, 3] undisturbed, [1, 3] stopped and resumed
#            (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.11.0 numpy==2.4.6 'setuptools<80'
cd "$folder"
# mmengine's own checkpoints hold more than PyTorch loads by default since 2.6.
TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 "$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

validated: list[int] = []


class Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode):
        return dict(loss=self.layer(inputs).mean()) if mode == 'loss' else [1]


class Metric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(found=1.0)


class Watch(Hook):
    priority = 'LOWEST'

    def __init__(self, stop_after: int | None) -> None:
        self.stop_after = stop_after

    def after_train_epoch(self, runner):
        if runner.epoch + 1 == self.stop_after:  # the checkpoint of this epoch is written
            raise InterruptedError

    def after_val_epoch(self, runner, metrics=None):
        validated.append(runner.epoch)


def train(work_dir: str, stop_after: int | None = None, resume: bool = False) -> None:
    data = [dict(inputs=torch.ones(1))]
    runner = Runner(
        model=Model(),
        work_dir=work_dir,
        experiment_name=f'{work_dir}{len(validated)}{resume}',
        train_dataloader=DataLoader(data, 1),
        val_dataloader=DataLoader(data, 1),
        val_evaluator=Evaluator([Metric()]),
        train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1),
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[Watch(stop_after)],
        log_level='ERROR',
        resume=resume,
    )
    try:
        runner.train()
    except InterruptedError:
        pass


train('whole')
whole = validated.copy()
validated.clear()
train('stopped', stop_after=2)
train('stopped', resume=True)
print(f'validated after epochs {whole} undisturbed, {validated} stopped and resumed')
assert whole == [1, 2, 3] and validated == [1, 3], 'the behaviour has changed'
PYTHON
