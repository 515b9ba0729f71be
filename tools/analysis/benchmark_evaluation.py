"""Measure what evaluation costs, against plainly written baselines: python tools/analysis/benchmark_evaluation.py."""

import argparse
import os
import resource

from mmtscam.utils.cli import check_at_least, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Cost of threshold sweeps and of LocAccuracy on one core, as ratios to plainly written baselines '
        'that are measured in turn with them.'
    )
    parser.add_argument('--images', type=int, default=32, help='images of each kind (default: 32)')
    parser.add_argument('--repeats', type=int, default=5, help='how often each is measured (default: 5)')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes for the test with several')
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

    table = Table(title=f'{args.images} images, {args.repeats} repeats, one core; ms an image, median')
    for column in ('', 'baseline', 'ours', 'ratio', 'min to max'):
        table.add_column(column, justify='right' if column else 'left')
    for cost in compare_metrics(args.images, args.repeats, args.workers):
        times = [f'{1e3 * spread(taken)["median"] / cost.images:.2f}' for taken in (cost.baseline, cost.ours)]
        ratio = spread(ratios(cost.baseline, cost.ours))
        table.add_row(cost.name, *times, f'{ratio["median"]:.1f}', f'{ratio["min"]:.1f} to {ratio["max"]:.1f}')
    Console(width=110).print(table)


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


if __name__ == '__main__':
    run(main)
