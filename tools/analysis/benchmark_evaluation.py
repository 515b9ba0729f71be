"""Measure what evaluation costs, against plainly written baselines: python tools/analysis/benchmark_evaluation.py."""

import argparse
import os
import resource

from mmtscam.utils.cli import check_at_least, run

_CORES = (2, 4, 8)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Cost of metrics on one core, as ratios to plainly written baselines that are measured in turn '
        'with them, and shared among processes.'
    )
    parser.add_argument('--images', type=int, default=32, help='images of each kind (default: 32)')
    parser.add_argument('--repeats', type=int, default=5, help='how often each is measured (default: 5)')
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes that share the work (default: one a core)'
    )
    parser.add_argument(
        '--scale',
        type=int,
        metavar='IMAGES',
        help='instead, evaluate this many images of 1000 classes and print memory',
    )
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['images', 'repeats'])
    check_at_least(parser, args, 0, ['workers'])
    if args.scale is not None and (args.scale < 500 or args.scale % 500):
        parser.error(f'--scale {args.scale}: must be a multiple of 500')
    return args


def print_speed(args: argparse.Namespace) -> None:
    """Print milliseconds an image of baseline and ours, and the ratio of each repeat."""
    from rich.console import Console
    from rich.table import Table

    from mmtscam.speed.metrics import compare_metrics
    from mmtscam.utils.timing import ratios, spread

    table = Table(
        title=f'{args.images} images, {args.repeats} repeats, one core; ms of processor time an image, median'
    )
    for column in ('', 'baseline', 'ours', 'ratio', 'min to max'):
        table.add_column(column, justify='right' if column else 'left')
    for cost in compare_metrics(args.images, args.repeats):
        times = [f'{1e3 * spread(taken)["median"] / cost.images:.2f}' for taken in (cost.baseline, cost.ours)]
        ratio = spread(ratios(cost.baseline, cost.ours))
        table.add_row(cost.name, *times, f'{ratio["median"]:.1f}', f'{ratio["min"]:.1f} to {ratio["max"]:.1f}')
    Console(width=110).print(table)


def print_shared(args: argparse.Namespace) -> None:
    """Print what metrics cost in one process and in several, and the wall time that follows for some cores."""
    from rich.console import Console
    from rich.table import Table

    from mmtscam.speed.shared_metrics import share_metrics
    from mmtscam.utils.timing import ratios, spread

    images = 8 * args.images
    costs = share_metrics(images, args.repeats, args.workers)
    table = Table(title=f'{images} images, {args.repeats} repeats, {args.workers} processes; ms an image, median')
    for column in ('same numbers', 'alone', 'this one', 'the others', *(f'on {cores} cores' for cores in _CORES)):
        table.add_column(column, justify='right' if column != 'same numbers' else 'left')
    totals = [0.0] * (3 + len(_CORES))
    for cost in costs:
        alone, own, others = (
            1e3 * spread(taken)['median'] / images
            for taken in (
                [each.own for each in cost.alone],
                [each.own for each in cost.shared],
                [each.workers for each in cost.shared],
            )
        )
        times = [alone, own, others, *(max(own, (own + others) / cores) for cores in _CORES)]
        totals = [total + taken for total, taken in zip(totals, times, strict=True)]
        table.add_row(cost.name, *map('{:.2f}'.format, times))
    table.add_row('all of them', *map('{:.2f}'.format, totals))
    Console(width=110).print(table)
    print('Processor time, but for the last columns: wall time where so many cores do nothing else and none waits.')
    walls = [
        [sum(each.wall for each in turn) for turn in zip(*(getattr(cost, way) for cost in costs), strict=True)]
        for way in ('alone', 'shared')
    ]
    ratio = spread(ratios(*walls))
    print(
        f'Wall time alone over shared on the {len(os.sched_getaffinity(0))} cores here: {ratio["median"]:.2f} '
        f'({ratio["min"]:.2f} to {ratio["max"]:.2f})'
    )


def print_scale(images: int, workers: int) -> None:
    """Print time and memory of the metrics as they go through many images."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from mmtscam.speed.metrics import follow_metrics

    table = Table(title=f'{images} images of 1000 classes; memory of this process')
    for column in ('images', 'seconds of the metrics', 'memory above the start, MB'):
        table.add_column(column, justify='right')
    states = list(track(follow_metrics(images, workers), description='Evaluating', total=images // 100 + 1))
    for state in [*states[images // 500 - 1 : -1 : images // 500], states[-1]]:
        name = 'evaluated' if state is states[-1] else str(state.images)
        table.add_row(name, f'{sum(state.seconds.values()):.2f}', f'{state.memory / 2**20:.0f}')
    Console().print(table)
    for name, taken in states[-1].seconds.items():
        print(f'{name}: {1e3 * taken / images:.2f} ms an image')
    print(f'Peak memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB')


def main() -> None:
    args = parse_args()
    import cv2
    import torch
    from mmengine.logging import MMLogger

    MMLogger.get_instance('mmengine', log_level='ERROR')
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if args.scale:
        print_scale(args.scale, args.workers)
    else:
        print_speed(args)
        if args.workers > 1:
            print_shared(args)


if __name__ == '__main__':
    run(main)
