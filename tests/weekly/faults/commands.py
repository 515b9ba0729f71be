"""The tools with small tasks, and what they give."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

EPOCHS = 4
_TOOLS = Path(__file__).resolve().parents[3] / 'tools'
TRAIN, TEST = _TOOLS / 'train.py', _TOOLS / 'test.py'
PSEUDO_LABEL = _TOOLS / 'dataset_converters' / 'pseudo_label.py'
REPORT, CHOOSE = _TOOLS / 'analysis' / 'report.py', _TOOLS / 'analysis' / 'choose_threshold.py'
EXPORT = _TOOLS / 'deployment' / 'export.py'


@dataclass(frozen=True)
class Command:
    """A tool with a task.

    Attributes:
        name: Its name in the table.
        words: The command for an output folder.
        result: Gives what it wrote in that folder, to be compared.
        again: Words that the command has in addition when it is started again.
    """

    name: str
    words: Callable[[Path], Sequence[object]]
    result: Callable[[Path], Any]
    again: tuple[str, ...] = ()


def commands(config: Path, checkpoint: Path, readers: int = 0) -> dict[str, Command]:
    """All commands but the quickstart.

    Args:
        config: File of the config.
        checkpoint: Weights for it.
        readers: Number of processes that read images, or draw pictures.
    """
    model = (config, checkpoint)
    loaders = [f'{part}_dataloader.num_workers={readers}' for part in ('train', 'val', 'test')]
    workers = ('--cfg-options', *loaders)
    inputs = checkpoint.parent / 'tested'

    def test(out: Path) -> list[object]:
        files = ('--save-maps', out / 'maps.npz', '--out', out / 'metrics.json', '--out-item', 'metrics')
        return [TEST, *model, '--work-dir', out / 'work', '--report-dir', out / 'report', *files, *workers]

    def choose(out: Path) -> list[object]:
        split = 'val_dataloader.dataset.dataset.split=train'
        return [CHOOSE, *model, '--out', out / 'thresholds.json', '--work-dir', out / 'work', *workers, split]

    def label(out: Path) -> list[object]:
        sizes = ('--part-size', '4', '--batch-size', '2', '--num-workers', readers)
        return [PSEUDO_LABEL, *model, '--out', out / 'boxes.json', *sizes]

    def report(out: Path) -> list[object]:
        options = ('--maps', inputs / 'maps.npz', '--workers', readers)
        return [REPORT, inputs / 'report', '--out', out / 'page', *options]

    def export(out: Path) -> list[object]:
        return [EXPORT, *model, '--out', out / 'model.onnx', '--force', '--rounds', '0']

    tools = [
        Command(
            'train.py --resume',
            lambda out: [TRAIN, config, '--work-dir', out / 'work', *workers],
            trained,
            ('--resume',),
        ),
        Command('test.py --save-maps', test, lambda out: contents(out, 'maps.npz', 'metrics.json', 'report')),
        Command('pseudo_label.py', label, lambda out: contents(out, 'boxes.json')),
        Command('report.py', report, lambda out: contents(out, 'page')),
        Command('choose_threshold.py', choose, lambda out: contents(out, 'thresholds.json')),
        Command('export.py', export, lambda out: contents(out, 'model.onnx')),
    ]
    return {tool.name: tool for tool in tools}


def contents(out: Path, *names: str) -> dict[str, str]:
    """Hashes of files, and of all in folders, by name; a file that is not there is left out."""
    files = [file for name in names for file in ([out / name] if (out / name).is_file() else (out / name).rglob('*'))]
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()
    }


def trained(out: Path) -> dict[str, str]:
    """Hashes of weights, optimizer and schedule of all checkpoints that are kept, by name."""
    found = {}
    for file in (out / 'work').glob('*.pth'):
        content = torch.load(file, weights_only=False)
        parts = [content.get(part) for part in ('state_dict', 'optimizer', 'param_schedulers')]
        found[file.name] = hashlib.sha256('\n'.join(_described(parts)).encode()).hexdigest()
    return found


def _described(value: Any) -> Iterator[str]:
    """All values in lists and dicts, as text: the same object twice is stored otherwise than two that are equal."""
    if isinstance(value, dict):
        for key in value:
            yield str(key)
            yield from _described(value[key])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _described(each)
    elif isinstance(value, torch.Tensor):
        yield hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()
    else:
        yield repr(value)
