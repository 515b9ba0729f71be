"""One of the processes that test_distributed_modes.py starts: DANet's losses on half of a batch beside the whole.

Usage: ``danet_worker.py STORE WORK_DIR`` with torchrun's environment variables.
"""

import os
import sys

import torch
import torch.distributed as torch_dist
from loc_samples import make_samples
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from torch.nn.parallel import DistributedDataParallel
from tscam_models import assert_close, randomise
from two_processes import begin_processes, end_processes

from mmtscam.models.heads.danet_head import draw_half
from mmtscam.registry import MODELS

HEAD = dict(
    type='DANetHead',
    num_classes=4,
    in_channels=(64, 128, 256),
    hidden_channels=(4, 5, 6),
    hierarchy=[[0, 0, 0, 1], [0, 0, 1, 2]],
    num_maps=4,
    cos_weight=1.0,
)


def build() -> torch.nn.Module:
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(
                type='mmpretrain.VGG', depth=11, num_stages=3, dilations=(1, 1, 1), out_indices=(0, 1, 2)
            ),
            head=HEAD,
        )
    )  # fmt: skip
    randomise(model)
    return model.train()


def main(store: str) -> None:
    rank = int(os.environ['RANK'])
    torch.set_num_threads(1)
    init_default_scope('mmtscam')
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    hub = MessageHub.get_current_instance()

    def losses_of(model: torch.nn.Module, places: range) -> dict[str, torch.Tensor]:
        return model(images[places.start : places.stop], make_samples(*places), mode='loss')

    hub.update_info_dict(dict(seed=3, iter=11))
    alone = build()
    expected = losses_of(alone, range(4))
    sum(expected.values()).backward()
    drawn = draw_half(12, torch.device('cpu'))

    # Seeds of mmengine's ``diff_rank_seed``: the first process's holds.
    hub.update_info('seed', 3 + rank)
    assert torch.equal(draw_half(12, torch.device('cpu')), drawn) == (rank == 0)
    begin_processes(store)
    parallel = DistributedDataParallel(build())
    torch.manual_seed(rank)
    losses = losses_of(parallel, range(2 * rank, 2 * rank + 2))
    sum(losses.values()).backward()
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        value = value.detach().clone()
        torch_dist.all_reduce(value)
        torch.testing.assert_close(value / 2, expected[name].detach())
    reference = dict(alone.named_parameters())
    for name, parameter in parallel.module.named_parameters():
        assert_close(parameter.grad, reference[name].grad)
    print('agrees', flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
    end_processes()
