import numpy as np
import pytest
import torch
from mmengine.config import Config
from tscam_models import DEIT, WIDTH, build_model

from mmtscam.apis.loading import class_names, load_model
from mmtscam.models import TSCAMHead

HEAD = dict(type='TSCAMHead', num_classes=6, in_channels=WIDTH)
MODEL = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
    backbone=DEIT,
    head=HEAD,
)


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({'state_dict': build_model().state_dict()}, tmp_path / 'model.pth')
    return tmp_path / 'model.pth'


def test_loads_everything_and_looks_for_no_other_weights(checkpoint):
    cfg = Config(dict(model={**MODEL, 'backbone': {**DEIT, 'init_cfg': dict(type='Pretrained', checkpoint='/none')}}))
    model = load_model(cfg, checkpoint)
    assert not model.training
    for name, value in build_model().state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert cfg.model.backbone.init_cfg.checkpoint == '/none'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(num_classes=5), 'has 6 classes and this config 5'),
        (
            dict(pooled_channels=4),
            'does not fit this config: its head has conv and this TSCAMHead conv and fc',
        ),
    ],
)
def test_another_model(checkpoint, change, message):
    cfg = Config(dict(model={**MODEL, 'head': {**HEAD, **change}}))
    with pytest.raises(ValueError, match=rf'model\.pth: {message}'):
        load_model(cfg, checkpoint)


def test_what_cannot_be_loaded(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth: checkpoint not found'):
        load_model(Config(dict(model=MODEL)), tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='the config: has no model'):
        load_model(Config(dict(a=1)), checkpoint)
    with pytest.raises(ValueError, match='the config: its model cannot be built: '):
        load_model(Config(dict(model=dict(type='Nothing'))), checkpoint)
    for part in (3, 'TSCAMHead'):
        with pytest.raises(ValueError, match='its model cannot be built: head of the config must be a dict with type'):
            load_model(Config(dict(model={**MODEL, 'head': part})), checkpoint)
    with pytest.raises(ValueError, match='device nowhere: cannot be used: '):
        load_model(Config(dict(model=MODEL)), checkpoint, 'nowhere')
    for device in ('meta', 'meta:0', torch.device('meta')):
        with pytest.raises(ValueError, match=f'^device {device}: holds no numbers, .*: use cpu or cuda$'):
            load_model(Config(dict(model=MODEL)), checkpoint, device)
    (tmp_path / 'text.pth').write_text('none')
    with pytest.raises(ValueError, match=r'text\.pth: not a file of weights that can be read safely'):
        load_model(Config(dict(model=MODEL)), tmp_path / 'text.pth')


def test_a_released_file_needs_no_conversion(golden_small, tmp_path):
    prefix = 'state:'
    state = {f'module.{k.removeprefix(prefix)}': v for k, v in golden_small.items() if k.startswith(prefix)}
    torch.save({'state_dict': {name: torch.from_numpy(value) for name, value in state.items()}}, tmp_path / 'ref.pth')
    arch = dict(embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144)
    backbone = dict(type='TSCAMDeiT', arch=arch, img_size=64, patch_size=16)
    head = dict(type='TSCAMHead', num_classes=5, in_channels=36)
    model = load_model(Config(dict(model={**MODEL, 'backbone': backbone, 'head': head})), tmp_path / 'ref.pth')
    with torch.no_grad():
        logits = model(torch.from_numpy(golden_small['inputs']))
    assert np.allclose(logits, golden_small['logits'], atol=1e-4 * np.abs(golden_small['logits']).max())


@pytest.mark.parametrize('zipped', [True, False])
def test_names_of_classes(tmp_path, zipped):
    file = tmp_path / 'a.pth'
    torch.save({'meta': dict(dataset_meta=dict(classes=('a', 'b')))}, file, _use_new_zipfile_serialization=zipped)
    cub = Config(dict(test_dataloader=dict(dataset=dict(type='WSOLDataset', dataset=dict(type='mmpretrain.CUB')))))
    names = class_names(cub, file)
    assert names == ('a', 'b') if zipped else names[0] == 'Black_footed_Albatross'
    assert len(class_names(cub)) == 200
    own = Config(dict(test_dataloader=dict(dataset=dict(type='WSOLDataset', metainfo=dict(classes=['x'])))))
    assert class_names(own) == ('x',)
    assert class_names(Config(dict(a=1))) == ()


def test_names_of_as_many_classes(repo, tmp_path):
    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub.py')
    path = tmp_path / 'model.pth'
    torch.save({'state_dict': {}, 'meta': {'dataset_meta': {'classes': ('a', 'b', 'c')}}}, path)
    assert class_names(cfg, path, 3) == ('a', 'b', 'c')
    assert class_names(cfg, path, 200)[0] == 'Black_footed_Albatross'  # of mmpretrain's CUB
    assert class_names(cfg, path, 4) == ()
    # A head of the first classes of a data set that names more.
    assert class_names(cfg, path, 2) == ('a', 'b')


def test_names_in_another_order_than_the_configs_are_refused(tmp_path):
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='WSOLDataset', metainfo=dict(classes=['a', 'b'])))))
    file = tmp_path / 'model.pth'
    for names, expected in ((('a', 'b'), ('a', 'b')), (('c', 'b'), ('c', 'b'))):
        torch.save({'meta': {'dataset_meta': {'classes': names}}}, file)
        assert class_names(cfg, file, 2) == expected
    torch.save({'meta': {'dataset_meta': {'classes': ('b', 'a')}}}, file)
    with pytest.raises(ValueError, match=r"class 0 is 'b' in \S+model\.pth and 'a' in the config"):
        class_names(cfg, file, 2)


def test_names_of_joined_test_sets(tmp_path):
    sets = [dict(type='WSOLDataset', metainfo=dict(classes=('cat', 'dog'))), dict(type='WSOLDataset')]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=sets))))
    assert class_names(cfg, None, 2) == ('cat', 'dog')


def test_a_part_whose_own_code_fails_is_named(checkpoint):
    class BrokenHead(TSCAMHead):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            [].pop()

    with pytest.raises(ValueError, match=r'cannot be built: BrokenHead: IndexError: pop from empty list$') as caught:
        load_model(Config(dict(model={**MODEL, 'head': {**HEAD, 'type': BrokenHead}})), checkpoint)
    assert isinstance(caught.value.__cause__, IndexError)
