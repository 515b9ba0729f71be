import subprocess
import sys
from importlib.metadata import version

import torch

import mmtscam
from mmtscam.collect_env import collect_env


def test_command():
    command = [sys.executable, '-W', 'ignore', '-m', 'mmtscam.collect_env']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = dict(line.split(': ', 1) for line in done.stdout.splitlines() if ': ' in line)
    assert printed['Python'].startswith(f'{sys.version_info.major}.{sys.version_info.minor}.')
    assert printed['PyTorch'] == torch.__version__
    assert f'CPU capability usage: {torch.backends.cpu.get_cpu_capability()}' in done.stdout
    assert printed['mmtscam'] == mmtscam.__version__
    assert f'mmengine {version("mmengine")}, ' in printed['OpenMMLab']
    assert f'mmpretrain {version("mmpretrain")}' in printed['OpenMMLab']


def test_forks_are_named(tmp_path, monkeypatch):
    collect_env()  # imports what it needs
    for name in ('mmengine', 'onedl-mmcv'):
        info = tmp_path / f'{name.replace("-", "_")}-9.1.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 9.1\n')
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    assert collect_env()['OpenMMLab'] == 'mmengine 9.1, onedl-mmcv 9.1'


def test_mmcv_lite_has_no_operators(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)  # as where only mmcv-lite is installed
    monkeypatch.delitem(sys.modules, 'mmcv.ops', raising=False)
    assert collect_env()['mmcv.ops'].startswith('no (')
