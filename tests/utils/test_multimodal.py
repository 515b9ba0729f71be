import os
import subprocess
import sys

import pytest
from mmpretrain.utils import dependency

from mmtscam.utils import multimodal
from mmtscam.utils.multimodal import leave_out_multimodal


@pytest.fixture
def transformers(tmp_path):
    """A folder with a transformers that lacks what mmpretrain's multimodal part imports, as those from 4.57 on do."""
    info = tmp_path / 'transformers-4.57.3.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: transformers\nVersion: 4.57.3\n')
    (tmp_path / 'transformers').mkdir()
    (tmp_path / 'transformers' / '__init__.py').write_text('PreTrainedModel = None\n')
    return tmp_path


# Each in a process of its own, to which what they share is imported already.
CODE = """
import multiprocessing, sys
import mmengine.runner

for name in sys.argv[1:]:
    process = multiprocessing.get_context('fork').Process(target=exec, args=(name,))
    process.start()
    process.join()
    print(name, process.exitcode)
"""
ROOMS = ['models', 'datasets', 'deployment', 'speed', 'structures', 'pseudo_labels', 'engine', 'evaluation']


@pytest.mark.slow
def test_everything_imports_beside_transformers(transformers, repo):
    names = [*(f'import mmtscam.{room}' for room in ROOMS), 'from mmtscam.apis import LocInferencer']
    command = [sys.executable, '-W', 'ignore', '-c', CODE, *names]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(transformers), str(repo)])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == [f'{name} 0' for name in names], done.stderr


def test_the_part_is_left_out_where_transformers_is(monkeypatch):
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    leave_out_multimodal()
    assert dependency.WITH_MULTIMODAL
    monkeypatch.setattr(multimodal, 'find_spec', lambda name: name)
    leave_out_multimodal()
    assert not dependency.WITH_MULTIMODAL
