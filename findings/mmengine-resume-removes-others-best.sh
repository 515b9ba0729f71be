#!/usr/bin/env bash
# mmengine: a training that goes on in another folder removes the best checkpoint of the
# training from which it came, as soon as it has a better one.
#
# Versions:  mmengine 0.10.7, torch 2.11.0, numpy 2.4.6, Python 3.11
# Guess:     with a work directory of its own, a run leaves the files of others alone: so one
#            branches from a checkpoint, or copies a folder before going on in the copy.
# Behaviour: a checkpoint holds the full path of the best one so far. The resumed run takes it
#            for its own and removes the file, in whatever folder it lies. The log has a line at
#            level INFO. Without --resume, by load_from, nothing is removed.
# Seen:      best of the first run: there before, gone after the second run in another folder,
#            after a checkpoint that is named and after the copy of a folder alike (2026-11-30)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.11.0 numpy==2.4.6 'setuptools<80'
cd "$folder"
# mmengine's own checkpoints hold more than PyTorch loads by default since 2.6.
TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 "$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON' || { tail -n 5 log; exit 1; }
import shutil
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

epochs = 0


class Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode):
        return dict(loss=self.layer(inputs).mean()) if mode == 'loss' else [1]


class BetterEachTime(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(accuracy=float(epochs))


def train(work_dir: str, until: int, resume: bool = False, load_from: str | None = None) -> None:
    global epochs
    epochs = until
    data = [dict(inputs=torch.ones(1))]
    Runner(
        model=Model(),
        work_dir=work_dir,
        experiment_name=work_dir,
        train_dataloader=DataLoader(data, 1),
        val_dataloader=DataLoader(data, 1),
        val_evaluator=Evaluator([BetterEachTime()]),
        train_cfg=dict(by_epoch=True, max_epochs=until, val_interval=1),
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='accuracy')),
        log_level='ERROR',
        resume=resume,
        load_from=load_from,
    ).train()


def best(folder: str) -> list[str]:
    return [path.name for path in Path(folder).glob('best_*')]


train('first', 1)
before = best('first')
train('started', 2, load_from='first/epoch_1.pth')
started = best('first')
train('second', 2, resume=True, load_from='first/epoch_1.pth')
named = best('first')
train('third', 1)
shutil.copytree('third', 'copy')
train('copy', 2, resume=True)
copied = best('third')
print(f'best of the first run: {before} before, {started} after load_from, {named} after a run resumed elsewhere')
print(f'best of a run that was copied: {copied} after the copy went on; in the copy {sorted(best("copy"))}')
assert before == started == ['best_accuracy_epoch_1.pth'] and named == copied == [], 'the behaviour has changed'
assert sorted(best('copy')) == ['best_accuracy_epoch_1.pth', 'best_accuracy_epoch_2.pth'], 'the behaviour has changed'
PYTHON
