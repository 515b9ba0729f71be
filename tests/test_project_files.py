"""Files that say the same thing agree, and the wheel says what is true."""

import email
import re
import subprocess
import sys
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mmtscam import __version__
from mmtscam.requirements import SUPPORTED


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


def test_git_and_ruff_leave_out_what_a_run_of_the_example_project_writes(repo):
    """Else ruff would find fault with the configs that a run leaves, and run_tests.sh would end there."""
    if not (repo / '.git').exists():
        pytest.skip('this is no checkout')
    folder = repo / 'tests' / 'example_project'
    written = (
        'data/train.txt',
        'work_dirs/calibrated/calibrated.py',
        'thresholds.json',
        'pictures/0.png',
        'calibrated.onnx',
    )
    page = (folder / 'README.md').read_text()
    assert all(name in page for name in ('make_data.py', 'thresholds.json', 'pictures', 'calibrated.onnx'))
    done = subprocess.run(['git', 'check-ignore', *written], cwd=folder, capture_output=True, text=True)
    assert done.stdout.split() == list(written)


def test_types_are_shipped(wheel):
    assert 'mmtscam/py.typed' in wheel.namelist()


def test_each_set_of_openmmlabs_packages_is_an_extra(wheel):
    """Else pip would bring the original packages beside their forks, which write over them."""
    (name,) = (name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))
    lines = email.message_from_bytes(wheel.read(name)).get_all('Requires-Dist')
    known = {name: versions for names in SUPPORTED.values() for name, versions in names.items()}

    def required(extra):
        found = {each.name: each.specifier for each in map(Requirement, lines) if asks(each, extra)}
        return {name: versions for name, versions in found.items() if name in known}

    def asks(requirement, extra):
        return requirement.marker is None or requirement.marker.evaluate(dict(extra=extra))

    common = {'mmengine', 'mmdet', 'mmpretrain'}
    forks = {name for name in known if name.startswith('onedl-')}
    sets = {'': set(), 'lite': common | {'mmcv-lite'}, 'full': common | {'mmcv'}, 'onedl': forks}
    for extra, names in sets.items():
        assert required(extra) == {name: SpecifierSet(known[name]) for name in names}
