import builtins
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, Runner, checkpoint

from mmtscam.models.checkpoints import read_state
from mmtscam.requirements import SUPPORTED, installed_versions
from mmtscam.utils import safe_loading
from mmtscam.utils.config import checkpoint_config


def test_the_runners_checkpoint_loads_with_the_protection_on(tiny_config):
    tiny_config.train_cfg.max_epochs = 1
    runner = Runner.from_cfg(tiny_config)
    runner.train()
    path = f'{tiny_config.work_dir}/epoch_1.pth'
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint['meta']['epoch'] == 1
    loss = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(loss, HistoryBuffer)
    assert np.isfinite(loss.mean())
    for name, value in runner.model.state_dict().items():
        assert torch.equal(checkpoint['state_dict'][name], value)


def test_who_reads_the_config_can_load_the_checkpoint(tiny_config, tmp_path):
    """mmengine's and mmdet's tools load it so, and do not know this package."""
    tiny_config.dump(tmp_path / 'tiny.py')
    torch.save(dict(scalars=HistoryBuffer([1.0], [1])), tmp_path / 'tiny.pth')
    script = """
import pickle, sys
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
try:
    CheckpointLoader.load_checkpoint('tiny.pth', 'cpu')
except pickle.UnpicklingError:
    print('refused')
Config.fromfile('tiny.py')
print(CheckpointLoader.load_checkpoint('tiny.pth', 'cpu')['scalars'].mean())
"""
    command = [sys.executable, '-W', 'ignore', '-c', script]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    first = ['refused'] if 'mmengine' in installed_versions(SUPPORTED['mmengine']) else []  # the fork refuses nothing
    assert [line for line in printed.splitlines() if line in ('refused', '1.0')] == [*first, '1.0']


class _Call:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ('owner', 'name'), [(HistoryBuffer, '__init__'), (HistoryBuffer, '_statistics_methods'), (dict, 'mean')]
)
def test_attributes_other_than_statistics_are_refused(owner, name, tmp_path):
    torch.save(_Call(builtins.getattr, owner, name), tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'bad.pth', weights_only=True)


def test_code_is_refused(tmp_path, capsys):
    torch.save(_Call(print, 'this must not run'), tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'bad.pth', weights_only=True)
    assert 'this must not run' not in capsys.readouterr().out


def test_a_file_that_is_refused_is_not_tried_without_protection(tmp_path):
    torch.save(dict(state_dict={}, folder=Path('a')), tmp_path / 'args.pth')
    with pytest.raises(pickle.UnpicklingError, match='pathlib'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'args.pth'), 'cpu', logger=None)


def test_the_forks_second_try_is_taken_out(monkeypatch):
    """onedl-mmengine loads without protection what it could not load with it."""
    monkeypatch.setattr(safe_loading, 'installed_versions', lambda names: {'onedl-mmengine': '0.10.12'})
    monkeypatch.setattr(checkpoint, '_safe_torch_load', None, raising=False)
    safe_loading.refuse_unprotected_loading()
    assert checkpoint._safe_torch_load is torch.load


def test_a_dtype_with_fields_of_its_own_is_refused_or_plain(tmp_path):
    """NumPy's dtypes, if they are copies, take any fields from a pickle."""
    state = (3, '<', None, ('a',), {'a': (np.dtype('f8'), 0)}, -1, -1, 0)

    class Odd:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return np.dtype, (self.name, False, True), state

    torch.save(Odd('f8'), tmp_path / 'odd.pth')
    assert torch.load(tmp_path / 'odd.pth', weights_only=True).fields is None
    for name in ('V8', 'O', 'U3'):
        torch.save(Odd(name), tmp_path / 'bad.pth')
        with pytest.raises(pickle.UnpicklingError):
            torch.load(tmp_path / 'bad.pth', weights_only=True)


def test_an_archive_that_grows_is_refused(tmp_path, monkeypatch):
    torch.save(dict(a=torch.zeros(1000, 100)), tmp_path / 'plain.pth')
    safe_loading.check_archive(tmp_path / 'plain.pth')
    with zipfile.ZipFile(tmp_path / 'plain.pth') as old, zipfile.ZipFile(tmp_path / 'packed.pth', 'w') as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)
    safe_loading.check_archive(tmp_path / 'packed.pth')  # it does not grow by much
    monkeypatch.setattr(safe_loading, '_SLACK', 0)
    with pytest.raises(ValueError, match='it is compressed, and would grow to 40'):
        safe_loading.check_archive(tmp_path / 'packed.pth')
    for read in (read_state, checkpoint_config):
        with pytest.raises(ValueError, match=r'packed\.pth: .*would grow'):
            read(str(tmp_path / 'packed.pth'))
    (tmp_path / 'text.pth').write_text('no archive')
    safe_loading.check_archive(tmp_path / 'text.pth')
