"""Runs the tools in a folder of a user's, outside the repository."""

import atexit
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from served import Service

TOOLS = Path(__file__).resolve().parents[1] / 'tools'


@functools.cache
def service() -> Service:
    """The server of this process, which starts when it is first asked for."""
    folder = tempfile.TemporaryDirectory(prefix='served_')
    service = Service(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(service.close)
    return service


def run_tool(folder: Path, tool: str, *arguments: object, code: int = 0) -> str:
    """Run a tool by its path, as a user does, and return what it prints; the folder is on the path of modules."""
    return _run(folder, [sys.executable, '-W', 'ignore', str(TOOLS / tool), *map(str, arguments)], code)


def serve_tool(folder: Path, tool: str, *arguments: object, code: int = 0) -> str:
    """The same in a child of a process that has imported what tools need; see :mod:`served`."""
    environment = service().environment
    return _run(
        folder, [str(service().commands / 'python'), str(TOOLS / tool), *map(str, arguments)], code, environment
    )


def serve_tools(folder: Path, commands: Mapping[str, Sequence[object]], refused: Sequence[str] = ()) -> dict[str, str]:
    """Run tools one after the other by :func:`serve_tool`; return what each prints.

    Those that are named in ``refused`` must end with 1, the others with 0.
    """
    return {name: serve_tool(folder, *command, code=int(name in refused)) for name, command in commands.items()}


def _run(folder: Path, words: list[str], code: int, environment: Mapping[str, str] = {}) -> str:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get('PYTHONPATH'))))
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **environment, 'PYTHONPATH': path, 'COLUMNS': '200'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
    )
    assert done.returncode == code, done.stdout[-4000:]
    return done.stdout
