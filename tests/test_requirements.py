import subprocess
import sys
from pathlib import Path

import pytest

from mmtscam import requirements
from mmtscam.requirements import check_requirements


def install(folder: Path, name: str, version: str) -> None:
    """Make a distribution as an installer leaves it."""
    info = folder / f'{name.replace("-", "_")}-{version}.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site folder that is the only one in which distributions are looked for."""
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    return tmp_path


GOOD = {'mmengine': '0.10.7', 'mmcv-lite': '2.1.0', 'mmdet': '3.3.0', 'mmpretrain': '1.2.0'}
FORKS = {
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmdetection': '3.5.1',
    'onedl-mmpretrain': '1.3.6',
}


@pytest.mark.parametrize('packages', [GOOD, {**GOOD, 'mmengine': '0.10.7.post1'}, FORKS])
def test_supported_sets(site, packages):
    for name, version in packages.items():
        install(site, name, version)
    check_requirements()


@pytest.mark.parametrize(
    ('name', 'version', 'lines'),
    [
        ('mmcv-lite', None, ['mmcv: found none, needs mmcv-lite >=2.1.0,<2.2', 'pip install "mmcv-lite>=2.1.0,<2.2"']),
        ('mmcv-lite', '2.2.0', ['mmcv: found mmcv-lite 2.2.0, needs', 'pip install "mmcv-lite>=2.1.0,<2.2"']),
        ('mmengine', '0.9.1', ['mmengine: found mmengine 0.9.1, needs mmengine >=0.10.7,<0.11']),
        ('mmdet', '2.28.0', ['mmdet: found mmdet 2.28.0', 'pip install "mmdet>=3.3.0,<3.4"']),
        ('mmpretrain', None, ['mmpretrain: found none', 'pip install "mmpretrain>=1.2.0,<1.3"']),
    ],
)
def test_missing_or_unsupported(site, name, version, lines):
    for other, number in {**GOOD, name: version}.items():
        if number:
            install(site, other, number)
    with pytest.raises(ImportError) as caught:
        check_requirements()
    for line in lines:
        assert line in str(caught.value)


def test_both_mmcv_wheels(site):
    for name, version in {**GOOD, 'mmcv': '2.1.0'}.items():
        install(site, name, version)
    with pytest.raises(ImportError, match='pip uninstall -y mmcv-lite mmcv') as caught:
        check_requirements()
    assert 'overwrite each other' in str(caught.value)


def test_one_error_for_all(site):
    with pytest.raises(ImportError) as caught:
        check_requirements()
    assert all(f'{package}: found none' in str(caught.value) for package in requirements.SUPPORTED)


def test_import_says_it(tmp_path, repo):
    """`import mmtscam.registry` fails with that one error before anything else is imported."""
    install(tmp_path, 'packaging', '1')
    code = (
        'import sys, packaging.specifiers\n'
        f'sys.path[:] = [{str(tmp_path)!r}, {str(repo)!r}] + [p for p in sys.path if "site-packages" not in p]\n'
        'import mmtscam.registry\n'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert 'ImportError: mmtscam cannot run with the installed OpenMMLab packages' in result.stderr
    assert 'pip install "mmengine>=0.10.7,<0.11"' in result.stderr
