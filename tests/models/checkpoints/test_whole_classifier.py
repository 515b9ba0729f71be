import copy

import pytest
import torch
from safetensors.torch import save_file
from shape_models import CLASSIFIER, RESNET

from mmtscam.models.checkpoints import load_whole_classifier
from mmtscam.registry import MODELS

SETTING = 'model.classifier.init_cfg.checkpoint'
PREPROCESSOR = dict(type='mmpretrain.ClsDataPreprocessor')
LINEAR = dict(
    type='mmpretrain.LinearClsHead',
    num_classes=6,
    in_channels=64,
    loss=dict(type='mmpretrain.CrossEntropyLoss'),
)


def build(**kwargs):
    """A classifier, no two of which are alike."""
    model = MODELS.build({**copy.deepcopy(CLASSIFIER), 'data_preprocessor': dict(PREPROCESSOR), **kwargs})
    for value in model.state_dict().values():
        value.copy_(torch.rand(value.shape) + 0.5)
    return model


def assert_alike(model, other):
    for name, value in other.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_checkpoint_of_a_run(tmp_path):
    source, target = build(), build()
    torch.save(dict(state_dict=source.state_dict(), meta=dict(epoch=8)), tmp_path / 'run.pth')
    load_whole_classifier(target, str(tmp_path / 'run.pth'), SETTING)
    assert_alike(target, source)


def test_file_of_one_network(tmp_path):
    """Its last layer is the head's; an auxiliary classifier and its own cut-off layers are left out."""
    source, target = build(head=LINEAR), build(head=LINEAR)
    state = {name.partition('.')[2]: value for name, value in source.state_dict().items()}
    assert 'fc.weight' in state
    torch.save({**state, 'AuxLogits.fc.weight': torch.rand(3)}, tmp_path / 'network.pth')
    load_whole_classifier(target, str(tmp_path / 'network.pth'), SETTING)
    assert_alike(target, source)


def test_timms_efficientnet(tmp_path):
    """Its last layer is called classifier."""
    network = dict(type='timm.create_model', model_name='tf_efficientnet_lite0', num_classes=6)
    source = MODELS.build(network)
    save_file(source.state_dict(), tmp_path / 'model.safetensors')
    backbone = dict(type='TruncatedBackbone', model=network, layers=('bn2',))
    target = build(
        backbone=backbone, neck=dict(type='mmpretrain.GlobalAveragePooling'), head={**LINEAR, 'in_channels': 1280}
    )
    load_whole_classifier(target, str(tmp_path / 'model.safetensors'), SETTING)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(target.eval()(images, mode='tensor'), source.eval()(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_whole_inception(tmp_path):
    """Under torchvision's names: the network up to the last block, and its last layer."""
    network = dict(type='mmpretrain.InceptionV3', num_classes=6, aux_logits=False)
    with_auxiliary = MODELS.build({**network, 'aux_logits': True})
    with_auxiliary.eval()
    torch.save(with_auxiliary.state_dict(), tmp_path / 'inception.pth')
    model = build(
        backbone=dict(type='TruncatedBackbone', model=network, layers=('Mixed_7c',)),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head={**LINEAR, 'in_channels': 2048},
    ).eval()
    load_whole_classifier(model, str(tmp_path / 'inception.pth'), SETTING)
    images = torch.randn(1, 3, 80, 80)
    torch.testing.assert_close(model(images, mode='tensor'), with_auxiliary(images)[1])


@pytest.mark.parametrize('head', [CLASSIFIER['head'], LINEAR, {**LINEAR, 'num_classes': 7}])
def test_another_classifier(head, tmp_path):
    other = build(head={**LINEAR, 'num_classes': 5})
    torch.save(other.state_dict(), tmp_path / 'run.pth')
    state = {name.partition('.')[2]: value for name, value in other.state_dict().items()}
    torch.save(state, tmp_path / 'network.pth')
    for name in ('run.pth', 'network.pth'):
        with pytest.raises(ValueError, match=rf'{name}: holds another classifier.* set {SETTING} to a checkpoint'):
            load_whole_classifier(build(head=head), str(tmp_path / name), SETTING)


def test_another_backbone(tmp_path):
    other = build(backbone={**RESNET, 'depth': 34}, head=LINEAR)
    state = {name.partition('.')[2]: value for name, value in other.state_dict().items()}
    torch.save(state, tmp_path / 'network.pth')
    with pytest.raises(ValueError, match=r'network\.pth: does not fit this CAMResNet'):
        load_whole_classifier(build(head=LINEAR), str(tmp_path / 'network.pth'), SETTING)


def test_missing_file_names_the_setting(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'or set {SETTING} to the path of another'):
        load_whole_classifier(build(), str(tmp_path / 'none.pth'), SETTING)
