import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch

import mmtscam
from mmtscam.collect_env import collect_env


def run(**environment):
    command = [sys.executable, '-W', 'ignore', '-m', 'mmtscam.collect_env']
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture
def install(tmp_path):
    def install(name, number):
        """Make a distribution as an installer leaves it."""
        info = tmp_path / f'{name.replace("-", "_")}-{number}.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n')

    return install


def test_command():
    done = run()
    assert done.returncode == 0, done.stderr
    printed = dict(line.split(': ', 1) for line in done.stdout.splitlines() if ': ' in line)
    assert printed['Python'].startswith(f'{sys.version_info.major}.{sys.version_info.minor}.')
    assert printed['PyTorch'] == torch.__version__
    assert f'CPU capability usage: {torch.backends.cpu.get_cpu_capability()}' in done.stdout
    assert printed['mmtscam'] == mmtscam.__version__
    assert f'mmengine {version("mmengine")}, ' in printed['OpenMMLab']
    assert f'mmpretrain {version("mmpretrain")}' in printed['OpenMMLab']


def test_packages_that_do_not_suit_are_named_in_one_message(install, tmp_path, repo):
    install('mmdet', '2.28.0')
    done = run(PYTHONPATH=f'{tmp_path}{os.pathsep}{repo}')
    assert (done.returncode, done.stdout) == (1, '')
    assert 'mmdet: found mmdet 2.28.0, needs mmdet >=3.3.0,<3.4' in done.stderr
    assert 'Traceback' not in done.stderr


def test_forks_are_named(install, tmp_path, monkeypatch):
    collect_env()  # imports what it needs
    packages = {'mmengine': '0.10.7', 'onedl-mmcv': '2.3.6', 'onedl-mmdetection': '3.5.1', 'mmpretrain': '1.2.0'}
    for name, number in packages.items():
        install(name, number)
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    assert collect_env()['OpenMMLab'] == ', '.join(f'{name} {number}' for name, number in packages.items())


def test_mmcv_lite_has_no_operators(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)  # as where only mmcv-lite is installed
    monkeypatch.delitem(sys.modules, 'mmcv.ops', raising=False)
    assert collect_env()['mmcv.ops'].startswith('no (')
