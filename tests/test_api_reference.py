"""The API reference is made of the docstrings, by the command in CONTRIBUTING.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_builds_without_warnings(repo, tmp_path):
    (line,) = re.findall(r'^pdoc (.*)$', (repo / 'CONTRIBUTING.md').read_text(), re.MULTILINE)
    command = f'{sys.executable} -m pdoc {line.replace("build/api", str(tmp_path))}'
    done = subprocess.run(['bash', '-c', command], cwd=repo, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    assert 'id="LocInferencer"' in Path(tmp_path, 'mmtscam', 'apis', 'inferencer.html').read_text()
    rooms = {path.parent.name for path in (repo / 'mmtscam').glob('*/__init__.py')}
    assert {path.stem for path in Path(tmp_path, 'mmtscam').glob('*.html')} >= rooms
