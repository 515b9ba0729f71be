"""Measure what the layout of memory, refinements of maps, and maps from gradients cost on a CPU.

python tools/analysis/benchmark_cnn.py CONFIG [...]                 channels last beside PyTorch's default layout
python tools/analysis/benchmark_cnn.py CONFIG --classes 10 200 1000 refinements of maps beside a head without
python tools/analysis/benchmark_cnn.py CONFIG --gradients LAYER     maps from gradients beside a training step
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtscam.utils.cli import add_cfg_options, check_at_least, run

if TYPE_CHECKING:
    from mmtscam.speed import Worker

REFINEMENTS = ('SelfEnhancement', 'SelfCorrelation')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files')
    parser.add_argument('--classes', type=int, nargs='+', help='measure refinements, for these numbers of classes')
    parser.add_argument('--levels', type=int, nargs='+', default=[-1], help='levels of SelfCorrelation (default: -1)')
    parser.add_argument('--gradients', metavar='LAYER', help='measure Backprop, and Grad-CAM on this layer')
    parser.add_argument('--batch-size', type=int, default=16, help='default: 16')
    parser.add_argument('--rounds', type=int, default=7, help='how often each way is measured (default: 7)')
    add_cfg_options(parser)
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['batch_size', 'rounds'])
    return args


def seconds_of(worker: 'Worker') -> float:
    return worker.run().seconds


def measure(title: str, builds: list[tuple[str, Callable]], args: argparse.Namespace, differences: bool) -> None:
    """Measure ways in turn, each in a process of its own, and print their table."""
    from rich.console import Console
    from rich.table import Table

    from mmtscam.speed import start_workers
    from mmtscam.utils.timing import in_turn, ratios, spread

    with start_workers(builds) as workers:
        taken = in_turn([partial(seconds_of, worker) for worker in workers], args.rounds)
        memory = [worker.memory().above for worker in workers]
    table = Table(title=title, title_justify='left')
    for column in ('', 'ms an image', 'more than the first' if differences else 'speedup', 'min to max', 'memory'):
        table.add_column(column, justify='right' if column else 'left')
    for (name, _), seconds, above in zip(builds, taken, memory, strict=True):
        if differences:
            values = [1e3 * (one - base) / args.batch_size for base, one in zip(taken[0], seconds, strict=True)]
        else:
            values = ratios(taken[0], seconds)
        found = spread(values)
        table.add_row(
            name,
            f'{1e3 * spread(seconds)["median"] / args.batch_size:.2f}',
            f'{found["median"]:.2f}',
            f'{found["min"]:.2f} to {found["max"]:.2f}',
            '' if above is None else f'{above / 2**20:.0f} MiB',
        )
    Console(width=110).print(table)


def main() -> None:
    args = parse_args()
    from mmtscam.speed.cnn import TOLERANCE, gradient_tasks, layout_tasks, layouts_differ, refinement_tasks
    from mmtscam.speed.workloads import quiet

    quiet()
    options: dict[str, Any] = args.cfg_options or {}
    for config in args.configs:
        name = Path(config).stem
        for classes in args.classes or ():
            refinements: list[dict[str, Any]] = [dict(type=kind) for kind in REFINEMENTS]
            refinements[-1]['levels'] = args.levels
            builds = refinement_tasks(config, refinements, args.batch_size, classes, options)
            measure(f'{name}: {classes} classes, one core, batch {args.batch_size}', builds, args, True)
        if args.gradients:
            builds = gradient_tasks(config, args.gradients, args.batch_size, options)
            measure(f'{name}: maps from gradients, batch {args.batch_size}', builds, args, False)
        if args.classes or args.gradients:
            continue
        if (difference := layouts_differ(config, 2, options)) > TOLERANCE:
            raise ValueError(f'{config}: loss or gradients differ by {difference:.1e} of the largest value')
        for workload in ('train', 'predict'):
            builds = layout_tasks(config, workload, args.batch_size, options)
            measure(f'{name}: {workload}, batch {args.batch_size}', builds, args, False)


if __name__ == '__main__':
    run(main)
