"""The API reference is made of the docstrings, by the command in CONTRIBUTING.md."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import read_block


@pytest.mark.slow
def test_builds_without_warnings(repo, tmp_path):
    command = read_block('CONTRIBUTING.md', containing='pdoc').text.replace('build/api', str(tmp_path))
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(
        ['bash', '-c', command], cwd=repo, env={**os.environ, 'PATH': path}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    assert 'id="LocInferencer"' in Path(tmp_path, 'mmtscam', 'apis', 'inferencer.html').read_text()
    rooms = {path.parent.name for path in (repo / 'mmtscam').glob('*/__init__.py')}
    assert {path.stem for path in Path(tmp_path, 'mmtscam').glob('*.html')} >= rooms
