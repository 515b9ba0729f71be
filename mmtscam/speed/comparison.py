"""Comparison of this package with the baseline: both run in turn, each in a process of its own."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmtscam.registry import MODELS
from mmtscam.utils.timing import in_turn, ratios, spread

from .agreement import check_agreement
from .baseline import count_flops
from .matmul import build_matmul, matmul_shapes
from .memory import free_memory
from .settings import Setting, Way
from .worker import Worker, start_workers
from .workloads import build_task

# Forward passes whose operations a workload needs: a training step also computes gradients of inputs and weights.
_PASSES = {'predict': 1, 'evaluate': 1, 'train': 3}


def compare(
    setting: Setting, ways: Sequence[Way], rounds: int, on_step: Callable[[str], Any] = lambda step: None
) -> dict[str, Any]:
    """Check that all ways compute the same, then measure them in turn.

    Each way first runs once untimed. ``speedup`` is the first way's time over
    that of a way, in each round. ``memory_ratio`` is a way's memory over that
    of the first one. ``mfu`` (model flops utilisation) is the rate of the
    network's floating-point operations over the rate that matrix products in
    the same precision reach in the same round, see
    :func:`~.baseline.count_flops` and :func:`~.matmul.matmul_shapes`. Training
    counts three times the operations of a forward pass.

    Args:
        setting: The workload.
        ways: The baseline, then ours.
        rounds: How often each is measured.
        on_step: Called with a description of the next step,
            :func:`count_steps` times.

    Returns:
        Plain data for JSON: the setting, the agreement, the rates of matrix
        products and, for each way, the times of all rounds and its figures,
        in seconds, bytes and operations a second.

    Raises:
        ValueError: If the setting or the model does not suit.
        WorkerError: If the baseline and ours differ, or a process fails.
    """
    cfg, device = setting.load(), setting.device
    builds: list[tuple[str, Callable]] = [(way.name, partial(build_task, setting, way)) for way in ways]
    precisions: list[str] = []
    agreement: dict[str, float] = {}
    sizes = {}
    if setting.workload != 'load':
        sizes = model_sizes(cfg)
        on_step('checking that all compute the same')
        with start_workers([('baseline against ours', partial(partial, check_agreement, setting))], device) as (check,):
            agreement = check.run().result
        shapes = matmul_shapes(setting.batch_size * (sizes['tokens'] + 1), sizes['width'], sizes['hidden'], device)
        precisions = list(dict.fromkeys(way.precision for way in ways))
        builds += [
            (f'matmul {precision}', partial(build_matmul, shapes, precision, device)) for precision in precisions
        ]

    with start_workers(builds, device, on_built=lambda name: on_step(f'built {name}')) as workers:
        for worker in workers:
            on_step(f'warming up {worker.name}')
            worker.run()
        measures = []
        for index, worker in enumerate(workers):

            def measure(worker: Worker = worker, timed: bool = index < len(ways)) -> float:
                on_step(f'measuring {worker.name}')
                run = worker.run()
                return run.seconds if timed else run.result

            measures.append(measure)
        measured = in_turn(measures, rounds)
        memories = [worker.memory() for worker in workers[: len(ways)]]

    rates = dict(zip(precisions, measured[len(ways) :], strict=True))
    flops = sizes.get('flops') and sizes['flops'] * _PASSES[setting.workload]
    figures = {}
    for way, taken, memory in zip(ways, measured, memories, strict=False):
        figures[way.name] = dict(
            **asdict(way),
            seconds=taken,
            images_per_second=spread([setting.images / value for value in taken]),
            seconds_per_image=spread([value / setting.images for value in taken]),
            speedup=spread(ratios(measured[0], taken)),
            memory=dict(own=memory.own, peak=memory.peak, above=memory.above),
            memory_ratio=dict(
                peak=_quotient(memory.peak, memories[0].peak), above=_quotient(memory.above, memories[0].above)
            ),
            mfu=flops and spread(ratios([flops * setting.images / value for value in taken], rates[way.precision])),
        )
    described = {name: value for name, value in asdict(setting).items() if name != 'files'}
    described.update(sizes, images=setting.images)
    if setting.files:
        described.update(distinct_images=len(set(setting.files)))
    return dict(
        **described,
        agreement=agreement,
        matmul_flops_per_second={name: dict(rounds=values, **spread(values)) for name, values in rates.items()},
        ways=figures,
    )


def count_steps(setting: Setting, ways: Sequence[Way], rounds: int) -> int:
    """The number of steps that :func:`compare` reports."""
    if setting.workload == 'load':
        return len(ways) * (rounds + 2)
    workers = len(ways) + len({way.precision for way in ways})
    return 1 + workers * (rounds + 2)


def model_sizes(cfg: Config) -> dict[str, Any]:
    """Sizes of a model's input and parts, and the number of operations of a forward pass.

    Raises:
        ValueError: If the config makes no model, or the baseline is not
            written for it.
    """
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    try:
        with torch.device('meta'):
            model = MODELS.build(copy.deepcopy(cfg.model))
    except Exception as error:  # whatever a part raises at settings that it does not know
        raise ValueError(f'{cfg.filename}: {error}') from error
    size = cfg.model.backbone.img_size
    return dict(
        flops=count_flops(model, size),
        input_size=size,
        tokens=model.backbone.pos_embed.shape[1] - 1,
        width=model.backbone.embed_dims,
        hidden=model.backbone.arch_settings['feedforward_channels'],
        blocks=model.backbone.num_layers,
        heads=model.backbone.arch_settings['num_heads'],
        classes=model.head.num_classes,
    )


def check_memory(setting: Setting) -> None:
    """Refuse a setting that cannot fit: the baseline keeps the attention of all blocks, and stacks a copy of it.

    Raises:
        ValueError: If the baseline needs more memory than is free.
    """
    if setting.workload == 'load':
        return
    sizes = model_sizes(setting.load())
    matrices = sizes['blocks'] * sizes['heads'] * (sizes['tokens'] + 1) ** 2 * 4
    # All ways live side by side, but where memory matters the others need little beside the baseline.
    needed, free = 2 * setting.batch_size * matrices, free_memory(setting.device)
    if free is not None and needed > free:
        raise ValueError(
            f'the baseline needs more than {needed / 1e9:.0f} GB for batch size {setting.batch_size} and '
            f'{sizes["tokens"]} tokens, and {free / 1e9:.0f} GB are free: choose a smaller batch or input size'
        )


def _quotient(ours: int | None, base: int | None) -> float | None:
    return None if ours is None or not base else ours / base
