"""Write a browsable report of one test or several: python tools/analysis/report.py RESULT [RESULT ...] [options]."""

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmtscam.utils.cli import check_at_least, run

SHOWN_PROBLEMS = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write results as a folder with a page: numbers with protocol and threshold, curves, outcomes by '
        'class, and a gallery to filter; several results side by side, with the images where they differ. Open its '
        'index.html in a browser; it needs neither a server nor a network.'
    )
    parser.add_argument(
        'results',
        nargs='+',
        metavar='RESULT',
        type=Path,
        help='folder of report.json and PROTOCOL.csv that tools/test.py left; several are compared',
    )
    parser.add_argument(
        '--names',
        nargs='+',
        metavar='NAME',
        help='names of several results (default: of their folders); those of one name are seeds of a method',
    )
    parser.add_argument(
        '--maps',
        nargs='+',
        metavar='FILE.npz',
        help='maps of tools/test.py --save-maps, a file for each result; also gives true boxes',
    )
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='folder for the page (default: RESULT/html; needed for several results)'
    )
    parser.add_argument('--image-root', metavar='DIR', help='where the images are, if they were moved since the test')
    parser.add_argument(
        '--thumbnail-size', type=int, default=320, metavar='N', help='longer side of the pictures (default: 320)'
    )
    parser.add_argument('--workers', type=int, metavar='N', help='processes that draw (default: one a core, at most 8)')
    parser.add_argument('--max-images', type=int, metavar='N', help='show so many images, evenly spread (default: all)')
    parser.add_argument(
        '--metric',
        nargs='+',
        metavar='PREFIX',
        default=[],
        help='metric whose images to show, one for all results or one for each (default: the first in report.json)',
    )
    args = parser.parse_args()
    several = len(args.results)
    if several > 1 and not args.out:
        parser.error('--out DIR is needed: the folder for the page of several results')
    if not args.names and len({path.resolve() for path in args.results}) < several:
        parser.error('--names is needed, since a result is given twice: NAME NAME ...')
    for name in ('names', 'maps'):
        given = getattr(args, name)
        if given and len(given) != several:
            parser.error(f'--{name}: {len(given)} for {several} results: give one for each')
    if len(args.metric) not in (0, 1, several):
        parser.error(f'--metric: {len(args.metric)} for {several} results: give one for all, or one for each')
    runs = list(zip([path.resolve() for path in args.results], args.names or [], strict=False))
    if doubled := [path for path, name in runs if runs.count((path, name)) > 1]:
        parser.error(f'--names: {doubled[0]} is given twice under one name, and would count as two seeds')
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
    from mmtscam.evaluation import read_results
    from mmtscam.evaluation.report_reader import run_names
    from mmtscam.evaluation.stored_maps import MapFile
    from mmtscam.utils.printable import printable
    from mmtscam.visualization.html_report import Run, write_html_report

    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    results = read_results(args.results, args.metric)
    names = args.names or run_names(args.results)
    maps = [MapFile(file) for file in args.maps] if args.maps else [None] * len(results)
    written = write_html_report(
        [Run(*run) for run in zip(names, results, maps, strict=True)],
        args.out or args.results[0] / 'html',
        image_root=args.image_root,
        thumbnail_size=args.thumbnail_size,
        workers=min(8, cores) if args.workers is None else args.workers,
        max_images=args.max_images,
        progress=with_bar,
    )
    if written.problems:
        print(f'{len(written.problems)} of {written.images} images have no picture:')
        for problem in written.problems[:SHOWN_PROBLEMS]:
            print(f'  {printable(problem)}')
        if len(written.problems) > SHOWN_PROBLEMS:
            print('  ...')
        print('If they were moved, name their folder: --image-root DIR')
    print(f'Written: {written.index}')


if __name__ == '__main__':
    run(main, hints={'image_root': '--image-root', 'workers': '--workers'})
