import pytest
import torch
from mmengine.config import Config

from mmtscam.utils.config import checkpoint_config, read_config


def test_reads_a_config(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict(a=1)')
    assert read_config(tmp_path / 'a.py', {'model.a': 2}).model.a == 2
    cfg = Config(dict(model=dict(a=1)))
    assert (read_config(cfg, {'model.a': 2}).model.a, cfg.model.a) == (2, 1)
    with pytest.raises(FileNotFoundError, match=r'none\.py: config file not found'):
        read_config(tmp_path / 'none.py')
    (tmp_path / 'bad.py').write_text('model = dict(')
    with pytest.raises(ValueError, match=r'bad\.py: cannot be read: '):
        read_config(tmp_path / 'bad.py')


def test_a_checkpoint_is_no_config(tmp_path):
    torch.save({}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth: is no config \(\.py, .*\): were CONFIG and CHECKPOINT swapped\?$'):
        read_config(tmp_path / 'a.pth')


def test_the_config_of_a_checkpoint(tmp_path):
    torch.save(dict(message_hub=dict(runtime_info=dict(cfg='a = dict(b=3)'))), tmp_path / 'run.pth')
    torch.save(dict(meta=dict(cfg='a = dict(b=4)')), tmp_path / 'old.pth')
    assert [checkpoint_config(tmp_path / name).a.b for name in ('run.pth', 'old.pth')] == [3, 4]
    torch.save({}, tmp_path / 'bare.pth')
    with pytest.raises(ValueError, match=r'bare\.pth: holds no config: name one'):
        checkpoint_config(tmp_path / 'bare.pth')
    with pytest.raises(FileNotFoundError, match=r'none\.pth: checkpoint not found'):
        checkpoint_config(tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='name the config too'):
        checkpoint_config('https://example.com/a.pth')
    torch.save(dict(meta=dict(cfg='a = (')), tmp_path / 'cut.pth')
    (tmp_path / 'junk.pth').write_text('junk')
    for name in ('cut', 'junk'):
        with pytest.raises(ValueError, match=rf'{name}\.pth: no config can be read from it'):
            checkpoint_config(tmp_path / f'{name}.pth')
