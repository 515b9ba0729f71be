"""One of the processes that test_distributed_modes.py starts: a run on CPUs beside what it must give.

Usage: ``distributed_worker.py BACKBONE STRATEGY STORE WORK_DIR`` with torchrun's environment variables.
"""

import os
import sys

import torch
import torch.distributed as torch_dist
from loc_samples import make_samples
from mmengine._strategy import DDPStrategy  # noqa: F401 - registers the strategies
from mmengine.registry import FUNCTIONS, init_default_scope
from mmengine.runner import FlexibleRunner
from torch.distributed.fsdp import FullyShardedDataParallel
from tscam_models import assert_close, build_model, make_images, predict, training_step
from two_processes import begin_processes, end_processes

from mmtscam.models.layers import FullPrecisionLinear, SemanticConv

BLOCKS = ('SkippingBlock', 'TransformerEncoderLayer', 'ConvTransBlock')
STRATEGIES = dict(
    ddp=dict(type='DDPStrategy', model_wrapper=dict(device_ids=None, broadcast_buffers=False)),
    # mmengine would name a GPU as the device. A full state dict, gathered on
    # CPUs, ends in a segmentation fault of PyTorch 2.11.
    fsdp=dict(
        type='FSDPStrategy',
        state_dict_cfg='local',
        model_wrapper=dict(device_id=torch.device('cpu'), auto_wrap_policy='wrap_blocks', use_orig_params=True),
    ),
)
STRATEGIES['fsdp-checkpointing'] = dict(STRATEGIES['fsdp'], activation_checkpointing=dict(check_fn='is_block'))
STRATEGIES['fsdp-head'] = dict(
    STRATEGIES['fsdp'],
    model_wrapper=dict(STRATEGIES['fsdp']['model_wrapper'], auto_wrap_policy='wrap_heads_layers'),
)


@FUNCTIONS.register_module()
def is_block(module: torch.nn.Module) -> bool:
    return type(module).__name__ in BLOCKS


@FUNCTIONS.register_module()
def wrap_blocks(module: torch.nn.Module, recurse: bool, **_: object) -> bool:
    return recurse or is_block(module)


@FUNCTIONS.register_module()
def wrap_heads_layers(module: torch.nn.Module, recurse: bool, **_: object) -> bool:
    """Wrap each layer of the head by itself, as a policy by size would."""
    return recurse or is_block(module) or type(module) in (SemanticConv, FullPrecisionLinear)


class FourImages(torch.utils.data.Dataset):
    """Two for each process."""

    def __init__(self, backbone: str) -> None:
        self.images = make_images(backbone, batch=4)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=self.images[index], data_samples=make_samples(index // 2)[0])


def average(value: torch.Tensor) -> torch.Tensor:
    value = value.clone()
    torch_dist.all_reduce(value)
    return value / torch_dist.get_world_size()


def main(backbone: str, strategy: str, store: str, work_dir: str) -> None:
    rank = int(os.environ['RANK'])
    torch.set_num_threads(1)
    begin_processes(store)
    init_default_scope('mmtscam')
    dataset = FourImages(backbone)
    mine = dataset.images[rank::2]

    # The model by itself, given the mean of the processes' gradients.
    plain = build_model(backbone)
    before = predict(plain, mine)
    list(before)  # looked at before the weights change
    _, gradients = training_step(plain, mine)
    with torch.no_grad():
        for name, value in plain.named_parameters():
            value -= 0.1 * average(gradients[name])
    expected = predict(plain, mine)

    model = build_model(backbone)
    model.is_init = True  # the runner is to leave the weights
    runner = FlexibleRunner(
        model=model,
        work_dir=work_dir,
        experiment_name=f'{backbone}-{strategy}',
        strategy=STRATEGIES[strategy],
        launcher='pytorch',
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            dataset=FourImages(backbone),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
        default_scope='mmtscam',
        log_level='ERROR',
    )
    runner.train()
    model = runner.strategy.model
    parts = sum(isinstance(module, FullyShardedDataParallel) for module in model.modules())
    # The model itself and its blocks; of Conformer, also the transformer blocks in two of them.
    expected_parts = 0 if strategy == 'ddp' else dict(deit=4, conformer=6)[backbone]
    if strategy == 'fsdp-head':
        expected_parts += dict(deit=1, conformer=2)[backbone]
    assert parts == expected_parts

    model.eval()
    samples = model.test_step(dict(inputs=list(mine), data_samples=make_samples(0, 1)))
    for ours, reference, old in zip(samples, expected, before, strict=True):
        assert_close(ours.pred_score, reference.pred_score)
        for kind in ('coupled', 'attention', 'semantic'):
            assert_close(ours.class_maps[kind], reference.class_maps[kind])
            # Not by chance: the step has moved them.
            assert (reference.class_maps[kind] - old.class_maps[kind]).abs().max() > 1e-3
    print('agrees', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
    end_processes()
