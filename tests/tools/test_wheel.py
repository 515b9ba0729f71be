"""A package installed from a wheel is complete and works without the repository."""

import json
import re
import tarfile
import zipfile

import pytest

# They set up a checkout and are of no use without one.
CHECKOUT_ONLY = {'quickstart.py', 'quickstart.sh', 'run_tests.sh', 'setup_env.sh'}


def build(run, target, folder, cwd):
    run('python', '-m', 'hatchling', 'build', '-t', target, '-d', folder, cwd=cwd)
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def wheel(run, repo, tmp_path):
    return build(run, 'wheel', tmp_path / 'wheel', repo)


@pytest.fixture
def installed(run, wheel, tmp_path):
    """The folder into which the wheel was installed."""
    folder = tmp_path / 'site'
    run('python', '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--target', folder, wheel)
    return folder


@pytest.mark.slow
def test_contents(run, repo, wheel, tmp_path):
    names = zipfile.ZipFile(wheel).namelist()
    assert len(set(names)) == len(names)
    assert {name.split('/')[0].split('-')[0] for name in names} == {'mmtscam'}
    shipped = [path for folder in ('configs', 'tools') for path in (repo / folder).rglob('*') if path.is_file()]
    assert {name for name in names if '/.mim/' in name} == {
        f'mmtscam/.mim/{path.relative_to(repo)}'
        for path in [*shipped, repo / 'model-index.yml']
        if '__pycache__' not in path.parts and path.name not in CHECKOUT_ONLY
    }

    # The same comes out of the source distribution, which holds everything once.
    with tarfile.open(build(run, 'sdist', tmp_path / 'sdist', repo)) as archive:
        members = archive.getnames()
        archive.extractall(tmp_path / 'source', filter='data')
    assert len(set(members)) == len(members)
    assert not any('/.mim/' in member for member in members)
    (source,) = (tmp_path / 'source').iterdir()
    assert zipfile.ZipFile(build(run, 'wheel', tmp_path / 'rebuilt', source)).namelist() == names


@pytest.mark.slow
def test_installed_package(run, installed, sample_set, tmp_path):
    """A user's config inherits an installed one, is trained and tested with the installed tools."""
    (tmp_path / 'mine').mkdir()
    config = tmp_path / 'mine' / 'mine.py'
    config.write_text(f"""
_base_ = 'mmtscam::_base_/../tscam_vit-mini_sample.py'
model = dict(
    backbone=dict(
        arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64), init_cfg=None
    ),
    head=dict(in_channels=32),
)
data = dict(dataset=dict(data_root={str(sample_set)!r}))
train_dataloader = dict(batch_size=8, num_workers=1, dataset=data)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=data)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
""")

    def run_installed(*command):
        # Before site-packages, where the repository is linked to.
        return run('python', *command, cwd=config.parent, PYTHONPATH=str(installed)).stdout

    output = run_installed(
        '-c',
        'import mmtscam.registry; from mmengine.config import Config; from mmengine.registry import MODELS\n'
        'model = MODELS.build(Config.fromfile("mine.py").model)\n'
        'print(mmtscam.__file__, type(model.backbone).__name__)',
    )
    assert f'{installed}/mmtscam/__init__.py TSCAMDeiT' in output

    tools = installed / 'mmtscam' / '.mim' / 'tools'
    # mim calls them in this way.
    output = run_installed(tools / 'train.py', 'mine.py', '--launcher', 'none')
    assert re.search(r'Epoch\(train\)\s+\[1\]\[3/3\]', output)
    checkpoint = config.parent / 'work_dirs' / 'mine' / 'epoch_1.pth'
    assert checkpoint.is_file()
    run_installed(
        tools / 'test.py', 'mine.py', checkpoint, '--launcher', 'none', '--out', 'metrics.json', '--out-item', 'metrics'
    )
    assert 'tscam/gt_known' in json.loads((config.parent / 'metrics.json').read_text())


def test_mim_asks_the_tool_for_no_gpus(run, repo):
    """mim passes the flags of OpenMMLab 1.0, which we lack, to a tool that mentions ``--gpus``."""
    assert '--gpus' not in run('python', repo / 'tools' / 'train.py', '--help').stdout
