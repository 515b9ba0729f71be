"""The checkpoint from which a training goes on."""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import is_zipfile

from mmengine.logging import print_log

from mmtscam.models.checkpoints import damage

RECORD = 'last_checkpoint'
_NAME = re.compile(r'(epoch|iter)_\d+\.pth')


def latest_checkpoint(work_dir: str | os.PathLike) -> str | None:
    """Find the newest whole checkpoint of a training.

    mmengine notes its name in ``last_checkpoint``, in place: a kill or a full
    disk at this moment leaves the note empty. After the folder was moved, the
    note names a file that is gone. A breakdown of the machine can damage the
    checkpoint. Then the one of its name in the folder, or else the newest that
    is whole, takes its place, and the log says so.

    Args:
        work_dir: The training's folder.

    Returns:
        The checkpoint; ``None`` where no training has noted one.

    Raises:
        ValueError: If one was noted, but none is whole.
    """
    folder = Path(work_dir)
    if not (folder / RECORD).is_file():
        return None
    noted = (folder / RECORD).read_text(encoding='utf-8', errors='replace').strip('\0 \n')
    problem = ''
    for file in _candidates(folder, noted):
        if not file.is_file():
            problem = problem or f'names {noted}, which is not there'
        elif found := _damage(file):
            problem = problem or f'names {file.name}, which is damaged'
            print_log(f'{file}: {found}', 'current', logging.WARNING)
        else:
            if str(file) != noted:
                print_log(f'{folder / RECORD} {problem or "is empty"}: {file} is resumed', 'current', logging.WARNING)
            return str(file)
    raise ValueError(
        f'{folder / RECORD} {problem or "is empty"}, and no other checkpoint in the folder is whole: remove '
        f'{RECORD} to begin anew'
    )


def trained_checkpoints(work_dir: str | os.PathLike) -> list[Path]:
    """Checkpoints of epochs or iterations in a training's folder, the newest first."""
    found = [file for file in Path(work_dir).iterdir() if _NAME.fullmatch(file.name)]
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


def _candidates(folder: Path, noted: str) -> Iterator[Path]:
    named = Path(noted) if noted else None
    if named:
        yield named
        if named.parent.resolve() != folder.resolve():
            yield folder / named.name
    yield from (file for file in trained_checkpoints(folder) if not (named and file.name == named.name))


def _damage(file: Path) -> str | None:
    return damage(file) if is_zipfile(file) else 'it is cut off, or no checkpoint'
