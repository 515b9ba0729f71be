"""Files that say the same thing agree, and the wheel says what is true."""

import email
import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from mmtscam import __version__


@pytest.fixture
def wheel(repo, tmp_path):
    command = [sys.executable, '-m', 'hatchling', 'build', '-t', 'wheel', '-d', str(tmp_path)]
    subprocess.run(command, cwd=repo, capture_output=True, check=True)
    (path,) = tmp_path.iterdir()
    return zipfile.ZipFile(path)


def test_one_version(repo):
    assert yaml.safe_load((repo / 'CITATION.cff').read_text())['version'] == __version__
    changelog = (repo / 'CHANGELOG.md').read_text()
    headings = re.findall(r'^## (\S+) - (?:unreleased|\d{4}-\d\d-\d\d)$', changelog, re.MULTILINE)
    assert headings[0] == __version__


def test_workflows_run_every_python_that_the_wheel_names(repo, wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))
    metadata = email.message_from_bytes(wheel.read(name))
    prefix = 'Programming Language :: Python :: 3.'
    named = {line.removeprefix(prefix) for line in metadata.get_all('Classifier') if line.startswith(prefix)}
    jobs = yaml.safe_load((repo / '.github' / 'workflows' / 'tests.yml').read_text())['jobs']
    (pinned,) = (step['with']['python-version'] for step in jobs['pinned']['steps'] if 'with' in step)
    newest = jobs['newest']['strategy']['matrix']['python-version']
    assert {f'3.{minor}' for minor in named} == {pinned, *newest}
    assert metadata['Requires-Python'] == f'>=3.{min(named, key=int)}'


def test_types_are_shipped(wheel):
    assert 'mmtscam/py.typed' in wheel.namelist()
