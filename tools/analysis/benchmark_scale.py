"""Measure what a million images and a large file of maps cost: python tools/analysis/benchmark_scale.py [options]."""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mmtscam.utils.cli import check_at_least, run

if TYPE_CHECKING:
    from mmtscam.speed.scale import Cost


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time and memory of a list of images with labels alone beside the plain way, a dict a row that '
        'mmengine packs; and of the index of a file of maps beside zipfile. Both are generated. Each measurement is in '
        'a new process.'
    )
    parser.add_argument('--rows', type=int, default=1281167, help='images of the list (default: those of ILSVRC)')
    parser.add_argument('--images', type=int, default=50000, help='images of the file of maps (default: 50000)')
    parser.add_argument(
        '--workers', type=int, nargs='+', default=[1, 4], help="numbers of a loader's workers (default: 1 4)"
    )
    parser.add_argument(
        '--start-method', choices=('fork', 'spawn'), default='fork', help='how they are started (default: fork)'
    )
    parser.add_argument('--rounds', type=int, default=3, help='how often each way is measured (default: 3)')
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['rows', 'images', 'rounds'])
    if min(args.workers) < 1:
        parser.error(f'--workers {min(args.workers)}: must be at least 1')
    return args


def print_costs(title: str, costs: 'Iterable[Cost]') -> None:
    """Print medians of both ways, and the ratio of each round where there is something to divide by."""
    from rich.console import Console
    from rich.table import Table

    from mmtscam.utils.timing import ratios, spread

    table = Table(title=title, title_justify='left')
    for column in ('', 'plain', 'here', 'here / plain', 'min to max'):
        table.add_column(column, justify='right' if column else 'left')
    for cost in costs:
        plain, ours = (spread(values)['median'] for values in (cost.plain, cost.ours))
        shown = [f'{value / 1e6:.1f}' if cost.name.endswith('MB') else f'{value:.2f}' for value in (plain, ours)]
        if min(cost.plain) > 0:
            ratio = spread(ratios(cost.ours, cost.plain))
            shown += [f'{ratio["median"]:.3f}', f'{ratio["min"]:.3f} to {ratio["max"]:.3f}']
        table.add_row(cost.name, *shown)
    Console(width=110).print(table)


def main() -> None:
    args = parse_args()
    from mmtscam.speed.scale import compare_lists, compare_map_files

    with tempfile.TemporaryDirectory() as folder:
        costs = compare_lists(Path(folder), args.rows, args.rounds, args.workers, args.start_method)
        print_costs(f'a list of {args.rows} images, workers by {args.start_method}', costs)
        print_costs(
            f'a file with maps of {args.images} images', compare_map_files(Path(folder), args.images, args.rounds)
        )


if __name__ == '__main__':
    run(main)
