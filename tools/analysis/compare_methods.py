"""Train and test the methods of a plan, and print one table: python tools/analysis/compare_methods.py PLAN.

A plan is a Python file, see configs/comparisons/. The command goes on where it was stopped. Each run is a folder
WORK_DIR/METHOD_SEED with the logs train.log and test.log, and report/.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtscam.utils.cli import add_cfg_options, run

if TYPE_CHECKING:
    from mmtscam.evaluation.comparison import Method

TOOLS = Path(__file__).resolve().parent.parent


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('plan', help='Python file with the rows, seeds and columns')
    parser.add_argument('--work-dir', help='folder of the runs (default: work_dirs/NAME_OF_PLAN)')
    parser.add_argument('--only', nargs='+', metavar='METHOD', help='names of the rows to run; the table has all')
    add_cfg_options(parser)
    return parser.parse_args()


def call(tool: str, *words: str | Path, options: dict[str, Any], log: Path) -> float:
    """Run a tool with its output in a file; return the seconds that it took."""
    settings = [f'{key}={value}' for key, value in options.items()]
    command = [sys.executable, str(TOOLS / tool), *map(str, words), *(['--cfg-options', *settings] if settings else [])]
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with log.open('a') as file:
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        last = '\n'.join(log.read_text(errors='replace').splitlines()[-15:])
        raise OSError(f'{last}\nfailed, see {log}: python {" ".join(command[1:])}')
    return time.monotonic() - start


def last_checkpoint(root: Path, method: 'Method', seed: int, cfg_options: dict[str, Any] | None) -> Path:
    """The file that a method's training ends with."""
    from mmtscam.utils.config import read_config

    epochs = read_config(method.config, {**method.options, **(cfg_options or {})}).train_cfg.max_epochs
    return root / f'{method.folder}_{seed}' / f'epoch_{epochs}.pth'


def main() -> None:
    args = parse_args()
    from mmtscam.evaluation.comparison import (
        check_settings,
        comparison_csv,
        comparison_table,
        numbers_of,
        read_plan,
        settings_of,
    )
    from mmtscam.evaluation.report_content import read_content
    from mmtscam.utils.files import write_text

    plan = read_plan(args.plan)
    names = [method.name for method in plan.methods]
    if unknown := sorted(set(args.only or ()) - set(names)):
        raise ValueError(f'--only: {unknown[0]!r} is none of {", ".join(names)}')
    root = Path(args.work_dir or Path('work_dirs') / Path(args.plan).stem)
    rows = {method.name: method for method in plan.methods}
    runs = list(plan.runs())
    found, failed = {}, []
    for place, (method, seed) in enumerate(runs, 1):
        trained = plan.trained(method)
        own = root / f'{method.folder}_{seed}'
        report = own / 'report' / 'report.json'
        if own.is_dir() or args.only is None or method.name in args.only:
            check_settings(own, settings_of(plan, method, seed, args.cfg_options or {}))
        if not report.is_file() and (args.only is None or method.name in args.only):
            label = f'[{place}/{len(runs)}] {method.name}, seed {seed}'
            options = {**method.options, **(args.cfg_options or {})}
            checkpoint = last_checkpoint(root, trained, seed, args.cfg_options)
            try:
                starts = {
                    key: last_checkpoint(root, rows[name], seed, args.cfg_options)
                    for key, name in method.start_from.items()
                }
                if lacking := [key for key, file in starts.items() if not file.is_file()]:
                    raise FileNotFoundError(f'{starts[lacking[0]]}: train {method.start_from[lacking[0]]} first')
                if not checkpoint.is_file() and method is trained:
                    print(f'{label}: training, see {own / "train.log"}', flush=True)
                    seconds = call(
                        'train.py', method.config, '--resume', '--work-dir', own,
                        options={**options, **starts, 'randomness.seed': seed}, log=own / 'train.log',
                    )  # fmt: skip
                    print(f'{label}: trained in {seconds:.0f} s', flush=True)
                if not checkpoint.is_file():
                    raise FileNotFoundError(f'{checkpoint}: train {trained.name} first')
                call(
                    'test.py', method.config, checkpoint, '--work-dir', own / 'test', '--report-dir', own / 'report',
                    options=options, log=own / 'test.log',
                )  # fmt: skip
                print(f'{label}: tested', flush=True)
            except OSError as error:
                print(f'{label}: {error}', file=sys.stderr, flush=True)
                failed.append(label)
        if report.is_file():
            found[method.name, seed] = numbers_of(read_content(report), plan.columns, method)
    for heading, key in plan.columns.items():
        if found and not any(heading in numbers for numbers in found.values()):
            print(f'no report has the number of the column {heading!r}: {key}', file=sys.stderr)
    table = comparison_table(plan, found)
    write_text(root / 'comparison.md', table)
    write_text(root / 'comparison.csv', comparison_csv(plan, found))
    print(table)
    if failed:
        raise ValueError(f'{len(failed)} of {len(runs)} runs failed: {"; ".join(failed)}')


if __name__ == '__main__':
    run(main)
