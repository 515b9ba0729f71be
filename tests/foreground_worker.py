"""One of the processes that test_distributed_modes.py starts: SAT's losses on half of a batch beside the whole.

Usage: ``foreground_worker.py SPATIAL_TOKENS ZOOMED STORE WORK_DIR`` with torchrun's environment variables; ZOOMED is
the number of images, from the first on, that are closer looks.
"""

import os
import sys

import torch
import torch.distributed as torch_dist
from loc_samples import make_samples
from mmengine.registry import init_default_scope
from torch.nn.parallel import DistributedDataParallel
from tscam_models import assert_close, build_model, make_images
from two_processes import begin_processes, end_processes


def main(spatial_tokens: str, zoomed: str, store: str) -> None:
    rank = int(os.environ['RANK'])
    torch.set_num_threads(1)
    init_default_scope('mmtscam')
    images, labels = make_images('sat', batch=4), [0, 1, 2, 3]

    def losses_of(model: torch.nn.Module, places: range) -> dict[str, torch.Tensor]:
        samples = make_samples(*labels[places.start : places.stop])
        for place, sample in zip(places, samples, strict=True):
            sample.set_metainfo(dict(zoomed=place < int(zoomed)))
        return model(images[places.start : places.stop], samples, mode='loss')

    def build() -> torch.nn.Module:
        model = build_model('sat', 'SATHead', spatial_tokens=spatial_tokens).train()
        # Above the mean area of all images and below that of the first two: the sign of the whole decides.
        model.head.area = area
        return model

    area = 0.5
    with torch.no_grad():
        halves = [losses_of(build(), places)['area'].item() for places in (range(2), range(2, 4))]
    area = halves[0] + 0.1 * (halves[1] - halves[0])
    alone = build()
    expected = losses_of(alone, range(4))
    sum(value for name, value in expected.items() if 'loss' in name).backward()

    begin_processes(store)
    parallel = DistributedDataParallel(build())
    losses = losses_of(parallel, range(2 * rank, 2 * rank + 2))
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    for name, value in losses.items():
        value = value.detach().clone()
        if name in ('loss_area', 'area'):  # the same in every process
            torch.testing.assert_close(value, expected[name].detach())
        torch_dist.all_reduce(value)
        torch.testing.assert_close(value / 2, expected[name].detach())
    reference = dict(alone.named_parameters())
    for name, parameter in parallel.module.named_parameters():
        assert_close(parameter.grad, reference[name].grad)
    print('agrees', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:4])
    end_processes()
