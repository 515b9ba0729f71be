"""Measure speed and memory against a plainly written baseline: python tools/analysis/benchmark.py CONFIG [options]."""

import argparse
import itertools
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtscam.utils.choices import PRECISIONS, WORKLOADS
from mmtscam.utils.cli import add_cfg_options, check_at_least, run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mmtscam.speed import Setting, Way

SWEEPS = {'input-size': 'input_size', 'batch-size': 'batch_size', 'classes': 'classes'}
COLUMNS = (
    '', 'images/s', 'ms an image', 'speedup', 'min to max', 'MiB above own', 'ratio', 'MiB in all', 'ratio', 'MFU'
)  # fmt: skip
LEGEND = """\
speedup: the baseline's time over this one's in the same round, its median and range.
MiB above own: peak memory on top of libraries, model and images; in all: of the process. ratio: to the baseline's.
MFU: operations of the network over those of the best matrix product in the same precision and round."""
PLOTS = ('.png', '.pdf', '.svg')
BATCH_SIZES = {'train': 32}  # 16 elsewhere
# Enough for the test loop to overlap batches, and for a GPU to be timed.
BATCHES = {('evaluate', 'cpu'): 3, ('evaluate', 'cuda'): 10, ('train', 'cuda'): 10, ('predict', 'cuda'): 10}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Speed and peak memory of training, prediction, evaluation and data loading. Ours and a plainly '
        'written baseline (explicit softmax, all maps kept, images one by one) run in turn, each in a process of its '
        'own, after a check in fp32 that they compute the same. Weights are random and images noise. For configs with '
        'TSCAMDeiT, TSCAMHead and the protocol tscam, or SATDeiT and SATHead; train also for TSCAMDeiT and '
        'TriLiteHead, beside the same code with a backbone that is not frozen.',
        epilog=LEGEND,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files')
    parser.add_argument(
        '--workloads',
        nargs='+',
        choices=WORKLOADS,
        help='evaluate: predict, boxes and LocAccuracy; train: a step; predict: logits and maps; load: images of the '
        'training set, on one core (default: all)',
    )
    parser.add_argument('--precisions', nargs='+', choices=PRECISIONS, default=list(PRECISIONS), help='of ours')
    parser.add_argument('--compile', action='store_true', help='measure ours with torch.compile too')
    parser.add_argument('--batch-size', type=int, help='default: 16, and 32 for train')
    parser.add_argument('--input-size', type=int, help="side of the input in pixels (default: the config's)")
    parser.add_argument('--rounds', type=int, default=7, help='how often each way is measured (default: 7)')
    parser.add_argument('--batches', type=int, help='batches a round (default: enough on this kind of device)')
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='default: a GPU if there is one')
    parser.add_argument(
        '--sweep', nargs='+', metavar=('WHAT', 'VALUE'), help=f'sizes to go through; WHAT is {", ".join(SWEEPS)}'
    )
    parser.add_argument('--plot', type=Path, metavar='FILE', help=f'draw what a sweep gives ({", ".join(PLOTS)})')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='write everything that was measured')
    add_cfg_options(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    return args


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where an argument is out of range; turn ``sweep`` into name and values."""
    check_at_least(parser, args, 1, ['rounds', 'batch_size', 'input_size', 'batches'])
    for config in args.configs:
        if not Path(config).is_file():
            parser.error(f'{config}: config file not found')
    if args.sweep and args.sweep[0] in SWEEPS and getattr(args, SWEEPS[args.sweep[0]], None) is not None:
        parser.error(f'--{args.sweep[0]} is what is swept: leave it out')
    if args.plot and not args.sweep:
        parser.error('--plot draws how cost grows: it needs --sweep')
    if args.plot and args.plot.suffix not in PLOTS:
        parser.error(f'{args.plot}: must end in {", ".join(PLOTS)}')
    if args.sweep:
        what, *values = args.sweep
        if what not in SWEEPS:
            parser.error(f'--sweep {what}: must be one of {", ".join(SWEEPS)}')
        if not values or not all(value.isdecimal() and int(value) > 0 for value in values):
            parser.error(f'--sweep {what} needs positive whole numbers, got {" ".join(values) or "none"}')
        args.sweep = (SWEEPS[what], sorted({int(value) for value in values}))
        if args.workloads and 'load' in args.workloads:
            parser.error('load has no sizes to sweep')
    args.configs = list(dict.fromkeys(args.configs))
    args.workloads = list(
        dict.fromkeys(args.workloads or [name for name in WORKLOADS if name != 'load' or not args.sweep])
    )


def choose_device(args: argparse.Namespace) -> str:
    """The device that the user asks for, or the one that is available.

    Raises:
        ValueError: If it is not there, or cannot compute in the precisions.
    """
    import torch

    from mmtscam.engine.precision import amp_dtype

    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if device == 'cuda' and not torch.cuda.is_available():
        raise ValueError('--device cuda: no GPU is available')
    if device == 'cuda' and 'bf16' in args.precisions and amp_dtype() != torch.bfloat16:
        raise ValueError('this GPU has no bfloat16: measure --precisions fp32')
    return device


def make_settings(args: argparse.Namespace) -> 'Iterator[Setting]':
    """Yield the settings to measure, one after another."""
    from mmtscam.speed import Setting

    for config, workload in itertools.product(args.configs, args.workloads):
        setting = Setting(
            config=config,
            workload=workload,
            batch_size=args.batch_size or BATCH_SIZES.get(workload, 16),
            input_size=args.input_size if workload != 'load' else None,
            batches=args.batches or BATCHES.get((workload, args.device), 1),
            device='cpu' if workload == 'load' else args.device,
            cfg_options=args.cfg_options or {},
        )
        sizes: list[dict[str, Any]] = [{}]
        if args.sweep:
            name, values = args.sweep
            sizes = [{name: value} for value in values]
        yield from (replace(setting, **size) for size in sizes)


def make_ways(workload: str, precisions: Sequence[str], compiled: bool) -> 'list[Way]':
    """The baseline, then ours."""
    from mmtscam.speed import Way

    baseline = Way('baseline')
    if workload == 'load':
        return [baseline, Way('ours')]
    chosen = [False, True] if compiled else [False]
    return [baseline, *(Way('ours', precision, also) for precision in precisions for also in chosen)]


def measure_all(args: argparse.Namespace, console: 'Console') -> Iterator[dict[str, Any]]:
    """Measure each setting and print its table."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from mmtscam.speed import check_memory, compare, count_steps, image_files

    with ExitStack() as stack:
        settings = []
        for setting in make_settings(args):
            check_memory(setting)
            if setting.workload == 'load':
                setting = replace(setting, **stack.enter_context(image_files(setting.load())))
            settings.append(setting)
        jobs = [(setting, make_ways(setting.workload, args.precisions, args.compile)) for setting in settings]
        progress = stack.enter_context(
            Progress(
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                # On a terminal the bar shares the tables' console, so that tables are printed above it.
                console=console if console.is_terminal else Console(stderr=True),
                transient=True,
            )
        )
        total = sum(count_steps(setting, ways, args.rounds) for setting, ways in jobs)
        bar = progress.add_task('Starting', total=total)
        for setting, ways in jobs:
            title = f'{Path(setting.config).stem}, {setting.workload}'

            def show(step: str, title: str = title) -> None:
                progress.update(bar, description=f'{title}: {step}')
                progress.advance(bar)

            result = compare(setting, ways, args.rounds, show)
            console.print(make_table(result))
            yield result


def make_table(result: dict[str, Any]) -> 'Table':
    from rich.table import Table

    table = Table(title=make_title(result), title_justify='left')
    for column in COLUMNS:
        table.add_column(column, justify='right' if column else 'left')
    for name, way in result['ways'].items():
        memory, mfu = way['memory'], way['mfu']
        table.add_row(
            name,
            f'{way["images_per_second"]["median"]:.1f}',
            f'{1e3 * way["seconds_per_image"]["median"]:.2f}',
            f'{way["speedup"]["median"]:.2f}',
            f'{way["speedup"]["min"]:.2f} to {way["speedup"]["max"]:.2f}',
            format_bytes(memory['above']),
            format_ratio(way['memory_ratio']['above']),
            format_bytes(memory['peak']),
            format_ratio(way['memory_ratio']['peak']),
            '' if mfu is None else f'{mfu["median"]:.2f} ({mfu["min"]:.2f} to {mfu["max"]:.2f})',
        )
    rates = [
        f'{name} {rate["median"] / 1e9:,.0f} ({rate["min"] / 1e9:,.0f} to {rate["max"] / 1e9:,.0f})'
        for name, rate in result['matmul_flops_per_second'].items()
    ]
    if rates:
        table.caption = f'Matrix products, in GFLOP/s: {", ".join(rates)}'
    return table


def make_title(result: dict[str, Any]) -> str:
    title = f'{Path(result["config"]).stem}, {result["workload"]}'
    if result['workload'] == 'load':
        source = 'generated ones, for want of the training set' if result['generated'] else 'the training set'
        return f'{title}: {result["images"]} images a round, {result["distinct_images"]} of {source}; one core'
    size = result['input_size']
    work = f', {result["flops"] / 1e9:.2f} GFLOP a forward pass' if result['flops'] else ''
    return (
        f'{title}: batch {result["batch_size"]}, {size}x{size} ({result["tokens"]:,} tokens), '
        f'{result["classes"]} classes{work}'
    )


def format_ratio(ratio: float | None) -> str:
    return '' if ratio is None else f'{ratio:.2f}'


def format_bytes(count: int | None) -> str:
    return 'not measured' if count is None else f'{count / 2**20:,.0f}'


def main() -> None:
    args = parse_args()
    import torch
    from rich.console import Console

    from mmtscam.speed import machine_facts
    from mmtscam.utils.files import check_writable

    for file in filter(None, (args.out, args.plot)):
        check_writable(file)
    args.device = choose_device(args)
    console = Console(width=None if sys.stdout.isatty() else 140)
    machine = machine_facts(args.device)
    bf16 = ', '.join(machine['bf16_instructions']) or 'none known'
    console.print(
        f'{machine["cpu"]}, {machine["cores"]} cores, {machine["threads"]} threads, bf16 instructions: {bf16}'
        f'{", " + machine["gpu"] if "gpu" in machine else ""}; PyTorch {torch.__version__}; {args.rounds} rounds'
    )
    if (machine['load_average'] or 0) > machine['cores'] / 2:
        console.print(
            f'Other programs keep this machine busy (load {machine["load_average"]:.1f}): figures will scatter, and '
            'may mean nothing'
        )
    results: list[dict[str, Any]] = []
    complete = False
    try:
        for result in measure_all(args, console):
            results.append(result)
        complete = True
    finally:
        # Measurements take long, so those that are complete are kept whatever came after them.
        if results:
            write_results(args, results, machine, console, complete)


def write_results(
    args: argparse.Namespace, results: list[dict[str, Any]], machine: dict[str, Any], console: 'Console', complete: bool
) -> None:
    """Write the measurements to the files that the user asks for."""
    from mmtscam.speed import package_versions, plot_growth
    from mmtscam.utils.files import unfinished, write_text

    if args.out:
        record = dict(
            command=shlex.join(['python', *sys.argv]),
            machine=machine,
            versions=package_versions(),
            environment={name: value for name, value in os.environ.items() if name in ('OMP_NUM_THREADS',)},
            complete=complete,
            rounds=args.rounds,
            sweep=args.sweep and dict(parameter=args.sweep[0], values=args.sweep[1]),
            results=results,
        )
        write_text(args.out, json.dumps(record, indent=1) + '\n')
        console.print(f'Wrote {args.out}')
    if args.plot:
        with unfinished(args.plot) as temporary:
            plot_growth(results, args.sweep[0], temporary, args.plot.suffix[1:])
        console.print(f'Wrote {args.plot}')


if __name__ == '__main__':
    run(main)
