"""Settle what a GPU does, in a few minutes: python tools/analysis/benchmark_gpu.py --out FILE.json."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtscam.utils.cli import check_at_least, run

if TYPE_CHECKING:
    from mmtscam.speed.suite import StageResult

ROOT = Path(__file__).parents[2]
CONFIGS = {'TS-CAM': 'configs/tscam_deit-s_cub.py', 'SAT': 'configs/sat/sat_deit-s_cub.py'}
GOLDEN = ROOT / 'tests' / 'data' / 'tscam_small.npz'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Agreement of a GPU with the reference in fp32, bf16 and fp16; training and evaluation of TS-CAM '
        'and SAT DeiT-S beside a plainly written baseline, in fp32, bf16 and with torch.compile; memory at 224 and '
        '1024 pixels; where the CPU waits for the GPU; loading and metrics. Weights are random and images noise, so '
        'nothing has to be downloaded.'
    )
    parser.add_argument('--dry-run', action='store_true', help='all stages on CPUs at tiny sizes; as without a GPU')
    parser.add_argument('--minutes', type=int, default=6, help='begin no stage after so many minutes (default: 6)')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='write everything that was measured')
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['minutes'])
    return args


def print_table(results: 'list[StageResult]', dry: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    title = 'Dry run on CPUs at tiny sizes: the figures mean nothing' if dry else 'Speedups are over the baseline'
    table = Table(title=title, title_justify='left')
    for column in ('stage', 's', '', ''):
        table.add_column(column, justify='right' if column == 's' else 'left', overflow='fold')
    for result in results:
        rows = [*result.rows, *([('problem', result.problem)] if result.problem else [])]
        for number, row in enumerate(rows or [('', 'nothing to tell')]):
            table.add_row(*(('', '') if number else (result.name, f'{result.seconds:.0f}')), *row)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main() -> None:
    args = parse_args()
    import torch

    from mmtscam.speed import machine_facts, package_versions
    from mmtscam.speed.suite import DRY_RUN, SuiteSize, run_suite
    from mmtscam.utils.files import check_writable, write_text

    if args.out:
        check_writable(args.out)
    dry = args.dry_run or not torch.cuda.is_available()
    size = DRY_RUN if dry else SuiteSize()
    if dry and not args.dry_run:
        print('No GPU is available: this is a dry run at tiny sizes')
    record: dict[str, Any] = dict(
        command=shlex.join(['python', *sys.argv]),
        dry_run=dry,
        machine=machine_facts(size.device),
        versions=package_versions(),
        stages={},
    )
    results: list[StageResult] = []
    configs = {name: str(ROOT / path) for name, path in CONFIGS.items()}
    suite = run_suite(configs, str(GOLDEN), size, 60 * args.minutes, lambda name: print(f'{name} ...', flush=True))
    for result in suite:
        results.append(result)
        record['stages'][result.name] = result._asdict()
        if args.out:  # what is measured is kept, whatever comes after it
            write_text(args.out, json.dumps(record, indent=1) + '\n')
    print_table(results, dry)
    if args.out:
        print(f'Wrote {args.out}')
    if wrong := [result.name for result in results if result.problem]:
        raise SystemExit(f'Without a sound result: {", ".join(wrong)}; the table says why')


if __name__ == '__main__':
    run(main)
