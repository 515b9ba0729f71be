from dataclasses import replace

import pytest
from new_style import new_style

from mmtscam.models import TSCAMDeiT
from mmtscam.speed import Setting, Way, baseline

REFUSED = (
    'the baseline is written for TSCAMDeiT with TSCAMHead, for SATDeiT with SATHead and, in train, for TSCAMDeiT with '
    'TriLiteHead, not for '
)


def test_images_a_run(config_file):
    assert Setting(config_file, 'train', batch_size=3, batches=4).images == 12
    assert Setting(config_file, 'load', batch_size=3, batches=4, files=('a', 'b')).images == 8


def test_sizes_are_the_configs_unless_given(evaluate):
    model = evaluate.load().model
    assert (model.backbone.img_size, model.head.num_classes) == (80, 8)
    model = replace(evaluate, input_size=48, classes=3).load().model
    assert (model.backbone.img_size, model.head.num_classes) == (48, 3)


def test_no_weights_are_loaded(tiny_config, tmp_path):
    tiny_config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='none.pth')
    tiny_config.model.head.init_classifier = 'none.pth'
    tiny_config.dump(tmp_path / 'tiny.py')
    model = Setting(str(tmp_path / 'tiny.py'), 'train').load().model
    assert model.backbone.init_cfg is None and model.head.init_classifier is None


def test_settings_of_the_config_are_overridden(evaluate):
    setting = replace(evaluate, cfg_options={'model.head.threshold': 0.2, 'model.backbone.img_size': 64})
    model = setting.load().model
    assert (model.head.threshold, model.backbone.img_size) == (0.2, 64)
    assert replace(setting, input_size=48).load().model.backbone.img_size == 48


def test_a_size_that_no_patches_fill(evaluate):
    with pytest.raises(ValueError, match=r'tiny\.py: an input size of 84 is no multiple of the patch size, 8$'):
        replace(evaluate, input_size=84).load()


@pytest.mark.parametrize(
    ('name', 'kinds'),
    [
        ('cam/cam_resnet50_cub.py', 'CAMResNet with CAMHead'),
        ('tscam_conformer-s_cub_released.py', 'TSCAMConformer with TSCAMHead'),
        ('ablations/transattention_deit-s_cub.py', 'TSCAMDeiT with ClassTokenHead'),
        ('classifier_vit-mini_sample.py', 'VisionTransformer with VisionTransformerClsHead'),
    ],
)
def test_other_models(name, kinds, repo):
    config = str(repo / 'configs' / name)
    with pytest.raises(ValueError, match=f'^{config}: {REFUSED}{kinds}$'):
        Setting(config, 'predict').load()
    assert Setting(config, 'load').load().model  # whose images are loaded all the same


def test_trilite_is_measured_in_training_alone(repo):
    config = str(repo / 'configs' / 'trilite' / 'trilite_deit-t_cub.py')
    assert Setting(config, 'train').load().model.backbone.drop_path_rate == 0
    with pytest.raises(ValueError, match='a baseline of TriLite for train alone, not for predict'):
        Setting(config, 'predict').load()


@pytest.mark.parametrize(
    ('name', 'workload', 'part'),
    [
        ('datasets/cub.py', 'predict', 'model'),
        ('models/tscam_deit-s.py', 'train', 'optim_wrapper'),
        ('models/tscam_deit-s.py', 'load', 'train_dataloader'),
    ],
)
def test_a_config_that_lacks_a_part(name, workload, part, repo):
    config = repo / 'configs' / '_base_' / name
    with pytest.raises(ValueError, match=f'{config.name}: {workload} needs {part}, which this config lacks$'):
        Setting(str(config), workload).load()


def test_names_of_ways():
    assert Way('baseline').name == 'baseline fp32'
    assert Way('ours', 'bf16', compiled=True).name == 'ours bf16, compiled'


def test_classes_as_types(tiny_config, tmp_path):
    (tmp_path / 'new.py').write_text(new_style(tiny_config))
    cfg = Setting(str(tmp_path / 'new.py'), 'train', input_size=48, batch_size=2).load()
    assert (cfg.model.backbone.type, cfg.model.backbone.img_size) == (TSCAMDeiT, 48)
    assert baseline.plain_pipeline(cfg.train_dataloader.dataset.pipeline) == dict(resize=(92, 92), crop=80, flip=True)
    baseline.training(Setting(str(tmp_path / 'new.py'), 'train', batch_size=2), cfg, Way('baseline'))()
