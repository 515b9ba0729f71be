import pytest
import torch
from tscam_models import CONFORMER

from mmtscam.models.checkpoints import load_pretrained
from mmtscam.models.checkpoints.differences import fitting_settings, seems
from mmtscam.registry import MODELS

ARCH = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
BACKBONE = dict(type='TSCAMDeiT', arch=ARCH, img_size=32, patch_size=8)


@pytest.mark.parametrize(
    ('other', 'told'),
    [
        (dict(patch_size=16), 'set model.backbone.patch_size=16'),
        (dict(layer_scale_init_value=0.1), 'set model.backbone.layer_scale_init_value=1e-05'),
        (dict(num_registers=4), 'set model.backbone.num_registers=4'),
        (
            dict(arch={**ARCH, 'num_layers': 3}, num_registers=1),
            'set model.backbone.num_registers=1 and model.backbone.arch=dict(embed_dims=24, num_layers=3, '
            'feedforward_channels=48, num_heads=...)',
        ),
        (dict(arch='deit-tiny'), "set model.backbone.arch='deit-tiny'"),
    ],
)
def test_the_settings_that_are_told_make_a_file_fit(other, told, tmp_path):
    state = MODELS.build({**BACKBONE, **other}).state_dict()
    torch.save(state, tmp_path / 'a.pth')
    backbone = MODELS.build(BACKBONE)
    assert fitting_settings(backbone, state) == told
    with pytest.raises(ValueError, match=r'a\.pth: does not fit this TSCAMDeiT, it seems to be a vision tr') as caught:
        load_pretrained(backbone, str(tmp_path / 'a.pth'))
    assert f'{told}, or name another file' in str(caught.value)
    load_pretrained(MODELS.build({**BACKBONE, **other}), str(tmp_path / 'a.pth'))


def test_without_layer_scale():
    backbone = MODELS.build({**BACKBONE, 'layer_scale_init_value': 0.1})
    told = fitting_settings(backbone, MODELS.build(BACKBONE).state_dict())
    assert told == 'set model.backbone.layer_scale_init_value=0'


@pytest.mark.parametrize(
    ('network', 'name'),
    [
        (CONFORMER, 'a Conformer'),
        (dict(type='CAMResNet', depth=18), 'a ResNet'),
        (dict(type='CAMVGG', depth=11), 'a VGG'),
        (dict(type='torchvision.models.GoogLeNet', init_weights=False), 'a GoogLeNet'),
        (dict(type='mmpretrain.InceptionV3'), 'an InceptionV3'),
        (dict(type='timm.create_model', model_name='tf_efficientnet_lite0'), 'an EfficientNet of timm'),
        (BACKBONE, 'a vision transformer (width 24, 2 blocks, patches of 8)'),
        (
            {**BACKBONE, 'num_registers': 2, 'layer_scale_init_value': 0.1},
            'a vision transformer (width 24, 2 blocks, patches of 8, layer scale, 2 registers)',
        ),
        (dict(type='mmpretrain.MobileNetV2'), 'a network that is not known here, with the names conv1.conv.weight, '),
    ],
)
def test_what_a_file_seems_to_be(network, name):
    state = MODELS.build(network).state_dict()
    for prefix in ('', 'backbone.'):
        found = seems({f'{prefix}{key}': value for key, value in state.items()})
        assert found.startswith(name)
        assert found == name or name.endswith(', ')


def test_another_network_has_no_fitting_settings():
    resnet = MODELS.build(dict(type='CAMResNet', depth=18))
    assert fitting_settings(MODELS.build(BACKBONE), resnet.state_dict()) == ''
    assert fitting_settings(resnet, MODELS.build(BACKBONE).state_dict()) == ''
