import mmpretrain.models.backbones as mmpretrain_backbones
import pytest
import torch
import torchvision

from mmtscam.models.checkpoints.pretrained import load_backbone
from mmtscam.registry import MODELS

VGG = dict(type='CAMVGG', depth=11, with_last_pool=False)
RESNET = dict(type='CAMResNet', depth=18, strides=(1, 2, 2, 1))
each = pytest.mark.parametrize('cfg', [VGG, RESNET], ids=['vgg', 'resnet'])


def load(cfg, path):
    backbone = MODELS.build(dict(**cfg, init_cfg=dict(type='Pretrained', checkpoint=str(path))))
    backbone.init_weights()
    return backbone


def whole(cfg):
    """Parameters of the whole network, with a classifier, as its authors publish it."""
    kind = getattr(mmpretrain_backbones, cfg['type'].removeprefix('CAM'))
    state = kind(depth=cfg['depth']).state_dict()
    return {**state, 'fc.weight': torch.zeros(3), 'classifier.0.weight': torch.zeros(3)}


@each
@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_file_of_the_whole_network(cfg, prefix, tmp_path):
    state = whole(cfg)
    torch.save({'state_dict': {prefix + name: value for name, value in state.items()}}, tmp_path / 'weights.pth')
    loaded = load(cfg, tmp_path / 'weights.pth').state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.items())


@pytest.mark.parametrize(
    ('kind', 'depth', 'norm', 'name'),
    [('CAMVGG', 11, None, 'vgg11'), ('mmpretrain.VGG', 13, dict(type='BN'), 'vgg13_bn')],
)
def test_files_of_torchvisions_vgg(kind, depth, norm, name):
    """Mmpretrain counts the layers otherwise. The backbone alone here; GC-Net has a whole one."""
    network = getattr(torchvision.models, name)(num_classes=2).eval()
    state = {key: value for key, value in network.state_dict().items() if key.startswith('features.')}
    backbone = MODELS.build(dict(type=kind, depth=depth, norm_cfg=norm))
    backbone.eval()
    load_backbone(backbone, {**state, 'classifier.0.weight': torch.zeros(3)}, 'vgg.pth')
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images)[-1], network.features(images))


@each
def test_file_that_does_not_fit_is_refused(cfg, tmp_path):
    state = whole(cfg)
    del state[next(iter(state))]
    torch.save(state, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'part\.pth: does not fit this CAM\w+, it seems to be a \w+; name another'):
        load(cfg, tmp_path / 'part.pth')


@each
def test_a_checkpoint_alone_is_taken(cfg):
    backbone = MODELS.build(dict(**cfg, init_cfg=dict(type='Pretrained', checkpoint='a.pth', prefix='backbone')))
    with pytest.raises(ValueError, match='takes a checkpoint alone'):
        backbone.init_weights()


@each
def test_features_of_two_strides_less(cfg):
    backbone = MODELS.build(cfg)
    (features,) = backbone(torch.zeros(1, 3, 64, 64))
    assert features.shape == (1, 512, 4, 4)


def test_a_whole_vgg_classifies_images_of_its_size():
    vgg = MODELS.build(dict(type='CAMVGG', depth=11, num_classes=3))
    with torch.no_grad():
        assert vgg(torch.zeros(1, 3, 224, 224))[-1].shape == (1, 3)
    with pytest.raises(ValueError, match=r'a whole VGG classifies images of 224x224, got 288x288.*leave larger views'):
        vgg(torch.zeros(1, 3, 288, 288))
