import pytest
import torch
from mmengine.config import Config

from mmtscam.registry import MODELS
from mmtscam.utils.config import checkpoint_config, patch_step, read_config


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


@pytest.mark.parametrize(
    ('backbone', 'step'),
    [
        (dict(type='mmtscam.TSCAMDeiT'), 16),
        (dict(type='mmtscam.SATDeiT', patch_size=14), 14),
        (dict(type='mmtscam.TSCAMDeiT', patch_size=16, patch_cfg=dict(stride=8)), 8),
        (dict(type='mmtscam.TSCAMConformer'), 16),
        (dict(type='mmpretrain.VGG', depth=16), None),
        (dict(type='mmtscam.ADLBackbone', backbone=dict(type='mmpretrain.VGG')), None),
        (dict(type='unknown'), None),
        (dict(), None),
        (None, None),
    ],
)
def test_the_step_of_patches(backbone, step):
    assert patch_step(Config(dict(model=dict(backbone=backbone)))) == step
    if backbone and step and 'patch_size' not in backbone:  # the class itself, as in configs of the new style
        backbone = dict(backbone, type=MODELS.get(backbone['type']))
        assert patch_step(Config(dict(model=dict(backbone=backbone)))) == step


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


@pytest.mark.parametrize('key', ['model', 'model.head', 'hooks', 'loader.pipeline'])
@pytest.mark.parametrize('value', [3, 0.5, True])
def test_a_number_in_place_of_a_part(key, value):
    cfg = Config(dict(model=dict(head=dict(type='A')), hooks=[dict(type='B')], loader=dict(pipeline=(dict(type='C'),))))
    with pytest.raises(ValueError, match=f'^{key}={value} would take the place of a part .*: set {key}.SETTING=VALUE$'):
        read_config(cfg, {key: value})


def test_values_that_may_take_a_place():
    cfg = Config(dict(arch=dict(depth=3), scale=(80, 80), hooks=[], boxes=dict(type='A')))
    options = dict(arch='small', scale=64, hooks=3, boxes=None, new=3, **{'arch2.depth': 3})
    read = read_config(cfg, options)
    assert (read.arch, read.scale, read.hooks, read.boxes, read.new, read.arch2.depth) == ('small', 64, 3, None, 3, 3)
