"""The quickstart's steps, each a command that a user would type; see quickstart.sh."""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from mmtscam.utils.cli import run

CLASSIFIER = Path('configs/classifier_vit-mini_sample.py')
TSCAM = Path('configs/tscam_vit-mini_sample.py')
# Name of a row, and prefix of its metrics in the results of tools/test.py.
MAP_MODES = (
    ('TS-CAM: coupled map', 'tscam'),
    ('attention A* alone', 'tscam-attention'),
    ('semantic map alone', 'tscam-semantic'),
)


def parse_args() -> argparse.Namespace:
    return argparse.ArgumentParser(
        description='Make the sample set, train a classifier and TS-CAM on it, test, and show what came of it.'
    ).parse_args()


def call(*command: str | Path) -> None:
    """Run a tool and show its command and progress; end if the tool fails."""
    words = ['python', *map(str, command)]
    print(f'\n$ {" ".join(words)}', flush=True)
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    output = []
    try:
        for line in process.stdout:
            output.append(line)
            if ' Epoch(' in line:
                print('  ' + line[line.index('Epoch(') :].rstrip()[:150], flush=True)
    except BaseException:  # this process is told to stop
        process.terminate()
        process.wait()
        raise
    if process.wait():
        # A tool ends with one line, or else with a traceback that needs what came before.
        told = output[-40:] if any('Traceback' in line for line in output) else output[-1:]
        sys.exit(f'{"".join(told).rstrip()} (failed: {" ".join(words)})')


def train(config: Path) -> Path:
    """Train a config unless its last checkpoint is there; continue an earlier run that was stopped."""
    from mmengine.config import Config

    work_dir = Path('work_dirs') / config.stem
    checkpoint = work_dir / f'epoch_{Config.fromfile(config).train_cfg.max_epochs}.pth'
    if checkpoint.is_file():
        print(f'\nReusing {checkpoint}')
    else:
        call('tools/train.py', config, '--resume')
    return checkpoint


def print_table(metrics: dict[str, float], baselines: dict[str, float], images: int, threshold: float) -> None:
    """Print the results, and those of boxes that do not depend on the image."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f'Sample set, {images} test images; protocol tscam, threshold {threshold} (fixed), last epoch')
    for column in ('', 'GT-known Loc', 'Top-1 Loc', 'Cls Top-1'):
        table.add_column(column, justify='left' if not column else 'right')
    for name, prefix in MAP_MODES:
        table.add_row(name, *(f'{metrics[f"{prefix}/{key}"]:.1f} %' for key in ('gt_known', 'loc_top1', 'cls_top1')))
    table.add_section()
    table.add_row('best constant box (oracle)', f'{baselines["best_constant_box"]:.1f} %', '', '')
    table.add_row('whole image', f'{baselines["whole_image"]:.1f} %', '', '')
    Console().print(table)


def main() -> None:
    parse_args()
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from mmtscam.datasets import make_sample_set
    from mmtscam.evaluation import constant_box_baselines
    from mmtscam.localization import PROTOCOLS
    from mmtscam.registry import DATASETS
    from mmtscam.utils.files import write_text

    start = time.monotonic()
    sample_set = make_sample_set('data/sample')
    print(f'Sample set: {sample_set}')
    train(CLASSIFIER)
    checkpoint = train(TSCAM)

    work_dir = checkpoint.parent
    pictures, results, tested = (work_dir / name for name in ('pictures', 'metrics.json', 'tested.sha256'))
    # Not the times of the files: a clock that is set back makes old results look new.
    wanted = hashlib.sha256(checkpoint.read_bytes() + Config.fromfile(TSCAM).pretty_text.encode()).hexdigest()
    if results.is_file() and tested.is_file() and tested.read_text() == wanted:
        print(f'\nReusing {results}')
    else:
        call(
            'tools/test.py', TSCAM, checkpoint, '--out', results, '--out-item', 'metrics',
            '--show-dir', pictures, '--interval', '10',
        )  # fmt: skip
        write_text(tested, wanted)

    cfg = Config.fromfile(TSCAM)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    baselines = constant_box_baselines(dataset, PROTOCOLS['tscam'])
    print()
    print_table(json.loads(results.read_text()), baselines, len(dataset), cfg.model.head.threshold)
    print(f'Pictures: {pictures.resolve()}')
    print(f'Done in {time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    run(main)
