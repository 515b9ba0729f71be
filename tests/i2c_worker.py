"""One of the processes that test_distributed_modes.py starts: steps of I2C on half of each batch beside the whole.

Usage: ``i2c_worker.py STORE WORK_DIR`` with torchrun's environment variables.
"""

import sys

import torch
import torch.distributed as torch_dist
from loc_samples import make_samples
from mmengine.registry import init_default_scope
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from tscam_models import assert_close, randomise
from two_processes import begin_processes, end_processes

from mmtscam.datasets import ClassPairSampler
from mmtscam.registry import MODELS

# A batch has six pairs of three classes, so that each centre moves twice in a step: one of them by a pair of the
# second process first.
LABELS, BATCH = [0, 0, 0, 1, 1, 2, 2, 2], 12


class Labelled:
    """All that a sampler asks of a data set."""

    def __len__(self) -> int:
        return 24

    def get_gt_labels(self) -> list[int]:
        return LABELS


def build() -> nn.Module:
    backbone = dict(type='mmpretrain.VGG', depth=11, num_stages=1, dilations=(1,), out_indices=(0,))
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=backbone,
            head=dict(
                type='I2CHead',
                num_classes=4,
                in_channels=64,
                hidden_channels=(7,),
                pick='raster',
                local_weight=0.5,
                global_weight=0.5,
                decay=0.3,
            ),
        )
    )
    randomise(model)
    return model.train()


def steps(model: nn.Module, order: list[int], batch: int) -> None:
    """Train an epoch; the last gradients stay."""
    images = torch.randn(len(LABELS), 3, 12, 12, generator=torch.Generator().manual_seed(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        optimizer.zero_grad()
        losses = model(images[places], make_samples(*(LABELS[place] for place in places)), mode='loss')
        sum(losses.values()).backward()
        optimizer.step()


def main(store: str) -> None:
    torch.set_num_threads(1)
    init_default_scope('mmtscam')
    alone = build()
    steps(alone, list(ClassPairSampler(Labelled(), seed=1)), BATCH)
    assert alone.head.counts.tolist() == [4, 4, 4, 0]

    begin_processes(store)
    parallel = DistributedDataParallel(build())  # it broadcasts buffers
    steps(parallel, list(ClassPairSampler(Labelled(), seed=1)), BATCH // 2)
    expected = alone.state_dict()
    for name, value in parallel.module.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)
    gradients = {name: parameter.grad for name, parameter in alone.named_parameters()}
    for name, parameter in parallel.module.named_parameters():
        assert_close(parameter.grad, gradients[name])
    centres = [torch.empty_like(alone.head.centres) for _ in range(2)]
    torch_dist.all_gather(centres, parallel.module.head.centres)
    assert torch.equal(*centres)  # to the last bit
    print('agrees', flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
    end_processes()
