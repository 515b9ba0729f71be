"""Judging what a run leaves behind."""

import csv
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import onnx

# A run adds to these line by line, so that a kill may cut the last.
_LOGS = ('.log',)
_LOG_FOLDERS = ('vis_data',)


def broken_files(folder: Path) -> list[str]:
    """Files with a final name that are not whole; names with a dot first, or that say so, are of unfinished ones."""
    return [
        f'{file.relative_to(folder)} is not whole' for file in sorted(folder.rglob('*')) if not _is_whole(folder, file)
    ]


def leftovers(folder: Path) -> list[str]:
    """Files and folders that a run which tidies up would have removed."""
    found = (path for path in sorted(folder.rglob('*')) if _is_unfinished(path.name))
    return [f'{path.relative_to(folder)} is left over' for path in found]


def _is_unfinished(name: str) -> bool:
    return name.startswith('.') or name.endswith('.unfinished')


def _is_whole(folder: Path, file: Path) -> bool:
    if not file.is_file() or any(map(_is_unfinished, file.relative_to(folder).parts)):
        return True
    if file.suffix in _LOGS or file.parent.name in _LOG_FOLDERS:
        return True
    check = _CHECKS.get(file.suffix, _is_filled)
    try:
        return check(file)
    except Exception:  # what is torn fails in any way
        return False


def _is_filled(file: Path) -> bool:
    # mmengine writes this note in place, and a run that resumes can do without it.
    return file.stat().st_size > 0 or file.name == 'last_checkpoint'


def _is_zip(file: Path) -> bool:
    with ZipFile(file) as members:
        return members.testzip() is None


def _is_json(file: Path) -> bool:
    json.loads(file.read_text())
    return True


def _is_table(file: Path) -> bool:
    text = file.read_text()
    return text.endswith('\n') and len({len(row) for row in csv.reader(text.splitlines())}) == 1


def _is_python(file: Path) -> bool:
    text = file.read_text()
    compile(text, file, 'exec')
    return bool(text)


def _is_part(file: Path) -> bool:
    *_, last = file.read_text().split('\n')[:-1]
    return len(last) == 64 and file.read_text().endswith('\n')


def _is_pickle(file: Path) -> bool:
    pickle.loads(file.read_bytes())
    return True


def _is_graph(file: Path) -> bool:
    onnx.checker.check_model(str(file))
    return True


def _is_jpeg(file: Path) -> bool:
    return file.read_bytes().endswith(b'\xff\xd9')


_CHECKS: dict[str, Callable[[Path], bool]] = {
    '.pth': _is_zip,
    '.npz': _is_zip,
    '.json': _is_json,
    '.csv': _is_table,
    '.py': _is_python,
    '.jsonl': _is_part,
    '.pkl': _is_pickle,
    '.onnx': _is_graph,
    '.jpg': _is_jpeg,
}
