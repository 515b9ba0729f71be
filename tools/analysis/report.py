"""Write a browsable report of a test: python tools/analysis/report.py RESULT [options]."""

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmtscam.utils.cli import check_at_least, run

SHOWN_PROBLEMS = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a result as a folder with a page: numbers with protocol and threshold, curves, outcomes by '
        'class, and a gallery to filter. Open its index.html in a browser; it needs neither a server nor a network.'
    )
    parser.add_argument(
        'result', metavar='RESULT', type=Path, help='folder of report.json and PROTOCOL.csv that tools/test.py left'
    )
    parser.add_argument('--maps', metavar='FILE.npz', help='maps of tools/test.py --save-maps; also gives true boxes')
    parser.add_argument('--out', type=Path, metavar='DIR', help='folder for the page (default: RESULT/html)')
    parser.add_argument('--image-root', metavar='DIR', help='where the images are, if they were moved since the test')
    parser.add_argument(
        '--thumbnail-size', type=int, default=320, metavar='N', help='longer side of the pictures (default: 320)'
    )
    parser.add_argument('--workers', type=int, metavar='N', help='processes that draw (default: one a core, at most 8)')
    parser.add_argument('--max-images', type=int, metavar='N', help='show so many images, evenly spread (default: all)')
    parser.add_argument(
        '--metric', metavar='PREFIX', help='result whose images to show (default: the first in report.json)'
    )
    args = parser.parse_args()
    for name, least in (('thumbnail_size', 16), ('workers', 0), ('max_images', 1)):
        check_at_least(parser, args, least, [name])
    return args


def with_bar(drawn: Iterable, total: int) -> Iterator:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn('Drawing'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    # Progress goes to stderr, because scripts read the lines of stdout.
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(drawn, total=total)


def main() -> None:
    args = parse_args()
    from mmtscam.evaluation import read_result
    from mmtscam.evaluation.stored_maps import MapFile
    from mmtscam.visualization.html_report import write_html_report

    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    written = write_html_report(
        read_result(args.result, args.metric),
        args.out or args.result / 'html',
        maps=MapFile(args.maps) if args.maps else None,
        image_root=args.image_root,
        thumbnail_size=args.thumbnail_size,
        workers=min(8, cores) if args.workers is None else args.workers,
        max_images=args.max_images,
        progress=with_bar,
    )
    if written.problems:
        print(f'{len(written.problems)} of {written.images} images have no picture:')
        for problem in written.problems[:SHOWN_PROBLEMS]:
            print(f'  {problem}')
        if len(written.problems) > SHOWN_PROBLEMS:
            print('  ...')
        print('If they were moved, name their folder: --image-root DIR')
    print(f'Written: {written.index}')


if __name__ == '__main__':
    run(main, hints={'image_root': '--image-root', 'workers': '--workers'})
