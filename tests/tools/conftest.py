"""Runs the command-line tools as a user does."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from tool_runs import service

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool_config(tiny_config: Config, tmp_path: Path) -> Config:
    """The tiny config for runs in processes of their own."""
    tiny_config.pop('experiment_name')
    return tiny_config


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess]:
    """Run a command in a folder, by default the repository; both outputs are in ``stdout``."""

    def run(*command: object, code: int = 0, cwd: Path = REPO, **environment: str) -> subprocess.CompletedProcess:
        words = [str(word) for word in command]
        words = [sys.executable, '-W', 'ignore', *words[1:]] if words[0] == 'python' else words
        path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
        return _run(words, code, cwd, {'PATH': path, **environment})

    return run


@pytest.fixture
def serve() -> Callable[..., subprocess.CompletedProcess]:
    """The same, with each Python in it a child of a process that has imported what tools need; see :mod:`served`."""

    def serve(*command: object, code: int = 0, cwd: Path = REPO, **environment: str) -> subprocess.CompletedProcess:
        return _run([str(word) for word in command], code, cwd, {**service().environment, **environment})

    return serve


def _run(words: list[str], code: int, cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=1200)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == code, output[-4000:]
    return subprocess.CompletedProcess(words, process.returncode, output)


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess]:
    """Run a tool in this process, which saves the seconds of its imports: for tools that leave nothing behind."""

    def run_here(*command: object, code: int = 0) -> subprocess.CompletedProcess:
        words = [str(word) for word in command[1:]]
        monkeypatch.setattr(sys, 'argv', words)
        output, ended = io.StringIO(), 0
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                runpy.run_path(str(REPO / words[0]), run_name='__main__')
            except SystemExit as error:
                # The interpreter writes a message to stderr and ends with 1.
                ended = error.code if isinstance(error.code, int) else int(error.code is not None)
                if not isinstance(error.code, int | None):
                    print(error.code)
        assert ended == code, output.getvalue()[-4000:]
        return subprocess.CompletedProcess(words, ended, output.getvalue())

    return run_here
