"""The ground of all failures: a config, a checkpoint, damaged data sets, and the command lines of the tools."""

from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

LIMIT = 60
TEST, TRAIN, LABEL = 'test.py', 'train.py', 'dataset_converters/pseudo_label.py'
BUG = 'RuntimeError: a bug of my own'
NO_FILE = r"\[Errno 2\] No such file or directory: 'nowhere/needed.txt'"
GONE = r'_000\d\.jpg: no such file; started again, the run goes on with what is missing'
# A training that does not end.
LONG = {'train_cfg.max_epochs': 10_000}


class Ground(NamedTuple):
    """Files that all failures need.

    Attributes:
        folder: Folder for all that is written.
        config: Config of a small model, which finds ``rank_faults``.
        checkpoint: Its weights.
        broken: Data set in which two images are none, one of each split.
        gone: Data set that lacks them.
    """

    folder: Path
    config: Config
    checkpoint: str
    broken: Path
    gone: Path

    def write(self, name: str, changes: dict[str, Any]) -> Path:
        """Write a changed config."""
        own = Config(self.config.to_dict())
        own.merge_from_dict(changes)
        place = self.folder / f'{name}.py'
        own.dump(place)
        return place


def words_of(tool: str, config: Path, checkpoint: str, folder: Path) -> list[Any]:
    """The arguments of a tool."""
    if tool == LABEL:
        return [config, checkpoint, '--out', folder / 'boxes.json', '--part-size', 4, '--num-workers', 0]
    return [config, *([checkpoint] if tool == TEST else []), '--work-dir', folder]


def hook(fault: str, point: str, rank: int = 1, others: float = 0) -> dict[str, Any]:
    """Changes by which a hook fails in one rank, while the others are busy; see ``rank_faults``."""
    return dict(custom_hooks=[dict(type='FaultHook', fault=fault, point=point, rank=rank, others=others)])


def metric(fault: str, point: str, rank: int = 1) -> dict[str, Any]:
    """Changes by which a metric fails in one rank."""
    return dict(test_evaluator=[dict(type='FaultMetric', fault=fault, point=point, rank=rank, protocol='tscam')])


def loader(split: str, **settings: Any) -> dict[str, Any]:
    """Changes of a data loader."""
    return {f'{split}_dataloader.{name}': value for name, value in settings.items()}


def data(split: str, place: Path) -> dict[str, Any]:
    """Changes by which a split is read from elsewhere."""
    return {f'{split}_dataloader.dataset.dataset.data_root': str(place)}
