"""Measure what reading images costs: python tools/analysis/benchmark_folder.py CONFIG CHECKPOINT FOLDER [options]."""

import argparse
from pathlib import Path

from mmtscam.utils.cli import add_cfg_options, add_model_arguments, check_at_least, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time of image_demo.py, without pictures, and of pseudo_label.py on a folder of images, on a CPU, '
        'as ratios to predicting images that are in memory.'
    )
    add_model_arguments(parser)
    parser.add_argument('folder', help='folder of images')
    parser.add_argument('--batch-size', type=int, default=16, help='images a batch (default: 16)')
    parser.add_argument('--num-workers', type=int, default=2, help='threads or processes that read images (default: 2)')
    parser.add_argument('--rounds', type=int, default=5, help='how often each is measured (default: 5)')
    add_cfg_options(parser)
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['batch_size', 'num_workers', 'rounds'])
    return args


def main() -> None:
    args = parse_args()
    if not Path(args.folder).is_dir():
        raise FileNotFoundError(f'{args.folder}: folder not found')
    import torch
    from rich.console import Console
    from rich.table import Table

    from mmtscam.speed.folders import compare_folder
    from mmtscam.speed.workloads import quiet
    from mmtscam.utils.timing import ratios, spread

    quiet()
    images, costs = compare_folder(
        args.config, args.checkpoint, args.folder, args.batch_size, args.num_workers, args.rounds, args.cfg_options
    )
    title = f'{images} images, batch {args.batch_size}, threads: {torch.get_num_threads()}; ms an image, median'
    table = Table(title=title, title_justify='left')
    for column in ('', 'predicting alone', 'with reading', 'ratio', 'min to max'):
        table.add_column(column, justify='right' if column else 'left')
    for cost in costs:
        alone, whole = (f'{1e3 * spread(taken)["median"] / images:.2f}' for taken in (cost.alone, cost.whole))
        ratio = spread(ratios(cost.whole, cost.alone))
        table.add_row(cost.name, alone, whole, f'{ratio["median"]:.2f}', f'{ratio["min"]:.2f} to {ratio["max"]:.2f}')
    Console(width=110).print(table)


if __name__ == '__main__':
    run(main)
