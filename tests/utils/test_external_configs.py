import mmengine.registry
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

import mmtscam.registry
from mmtscam.utils.external_configs import drop_function_scopes


@pytest.fixture
def inherit(tmp_path):
    """Read a user's config that inherits another."""

    def inherit(base: str, *lines: str) -> Config:
        path = tmp_path / 'mine.py'
        path.write_text('\n'.join([f'_base_ = {base!r}', *lines]))
        return Config.fromfile(path)

    return inherit


@pytest.mark.parametrize('base', ['_base_/models/tscam_deit-s.py', '_base_/../tscam_deit-s_cub.py'])
@pytest.mark.parametrize('registry', [mmengine.registry, mmtscam.registry], ids=['mmengine', 'mmtscam'])
def test_an_inherited_model_builds_without_a_default_scope(inherit, base, registry):
    DefaultScope._instance_dict.clear()
    cfg = inherit(f'mmtscam::{base}', 'model = dict(head=dict(num_classes=7))')
    model = registry.MODELS.build(cfg.model)
    assert type(model.backbone).__name__ == 'TSCAMDeiT'
    assert type(model.head).__name__ == 'TSCAMHead'
    assert model.head.num_classes == 7


def test_an_unknown_config_is_refused(inherit):
    with pytest.raises(FileNotFoundError, match=r'\.mim/configs/none/none\.py'):
        inherit('mmtscam::none/none.py')


def test_inherited_data_loaders(inherit, sample_set):
    cfg = inherit('mmtscam::_base_/../tscam_vit-mini_sample.py')
    assert '_scope_' in cfg.train_dataloader.worker_init_fn
    drop_function_scopes(cfg)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].dataset.dataset.data_root = str(sample_set)
        batch = next(iter(Runner.build_dataloader(cfg[name])))
        assert batch['inputs'].shape[1:] == (3, 80, 80)


def test_data_loaders_may_be_missing():
    cfg = Config(dict(val_dataloader=None, test_dataloader=dict(collate_fn=dict(type='default_collate'))))
    drop_function_scopes(cfg)
    assert cfg.test_dataloader.collate_fn == dict(type='default_collate')
