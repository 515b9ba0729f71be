"""Runs the tools in a folder of a user's, outside the repository."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / 'tools'

# Every child has the modules that are imported once: most of a small run's time goes into imports.
_DRIVER = """
import json, multiprocessing, os, runpy, sys
import mmtscam.apis, mmtscam.deployment, mmtscam.engine, mmtscam.pseudo_labels, mmtscam.speed

def child(tool, output):
    os.dup2(os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1)
    os.dup2(1, 2)
    runpy.run_path(tool, run_name='__main__')

for output, tool, *arguments in json.load(sys.stdin):
    sys.argv = [tool, *arguments]
    process = multiprocessing.get_context('fork').Process(target=child, args=(tool, output))
    process.start()
    process.join()
    print(process.exitcode)
"""


def run_tool(folder: Path, tool: str, *arguments: object, code: int = 0) -> str:
    """Run a tool by its path, as a user does, and return what it prints; the folder is on the path of modules."""
    return _run(folder, [str(TOOLS / tool), *map(str, arguments)], code)


def run_tools(folder: Path, commands: Mapping[str, Sequence[object]], refused: Sequence[str] = ()) -> dict[str, str]:
    """Run tools one after the other, each in a child of one process; return what each prints.

    Those that are named in ``refused`` must end with 1, the others with 0.
    """
    outputs = {name: folder / f'{name}.printed' for name in commands}
    words = [[str(outputs[name]), str(TOOLS / tool), *map(str, rest)] for name, (tool, *rest) in commands.items()]
    codes = _run(folder, ['-c', _DRIVER], 0, json.dumps(words)).split()
    printed = {name: output.read_text(encoding='utf-8') for name, output in outputs.items()}
    for name, code in zip(commands, codes[-len(commands) :], strict=True):
        assert code == str(int(name in refused)), f'{name}: {printed[name][-4000:]}'
    return printed


def _run(folder: Path, words: Sequence[str], code: int, stdin: str | None = None) -> str:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get('PYTHONPATH'))))
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', *words],
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': path, 'COLUMNS': '200'},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
    )
    assert done.returncode == code, done.stdout[-4000:]
    return done.stdout
