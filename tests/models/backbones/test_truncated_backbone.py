import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from mmtscam.registry import MODELS

GOOGLENET = dict(type='torchvision.models.GoogLeNet', aux_logits=True, init_weights=False)


def build(**kwargs):
    backbone = MODELS.build(
        dict(type='TruncatedBackbone', **{'model': GOOGLENET, 'layers': ('inception4e',), **kwargs})
    )
    backbone.eval()
    return backbone


@pytest.fixture(scope='module')
def googlenet():
    return torchvision.models.GoogLeNet(aux_logits=True, init_weights=False).eval()


def equal(backbone, state):
    return all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())


def test_outputs_are_those_of_the_whole_network(googlenet):
    backbone = build(layers=('inception3b', 'inception4e'))
    backbone.load_state_dict(googlenet.state_dict())
    outputs = []
    handles = [
        getattr(googlenet, name).register_forward_hook(lambda module, inputs, output: outputs.append(output))
        for name in ('inception3b', 'inception4e')
    ]
    images = torch.randn(2, 3, 64, 96)
    googlenet(images)
    for handle in handles:
        handle.remove()
    ours = backbone(images)
    assert [output.shape[1:] for output in ours] == [(480, 8, 12), (832, 4, 6)]
    for output, expected in zip(ours, outputs, strict=True):
        torch.testing.assert_close(output, expected)


def test_nothing_behind_the_last_layer_is_kept():
    names = {name.split('.')[0] for name in build().state_dict()}
    assert 'inception4e' in names
    assert not names & {'inception5a', 'aux1', 'aux2', 'fc'}


def inception_reference(model, x):
    """Torchvision's modules in the benchmark's order, paddings and strides; the part with functional pools by hand."""

    def conv(block, x, **kwargs):
        return F.relu(block.bn(F.conv2d(x, block.conv.weight, **kwargs)))

    x = conv(model.Conv2d_1a_3x3, x, stride=2, padding=1)
    x = model.Conv2d_2b_3x3(model.Conv2d_2a_3x3(x))
    x = F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)
    x = model.Conv2d_4a_3x3(model.Conv2d_3b_1x1(x))
    x = F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)
    x = model.Mixed_5d(model.Mixed_5c(model.Mixed_5b(x)))
    double = model.Mixed_6a.branch3x3dbl_2(model.Mixed_6a.branch3x3dbl_1(x))
    branches = [
        conv(model.Mixed_6a.branch3x3, x, padding=1),
        conv(model.Mixed_6a.branch3x3dbl_3, double, padding=1),
        F.max_pool2d(x, 3, stride=1, padding=1),
    ]
    x = torch.cat(branches, 1)
    for name in ('Mixed_6b', 'Mixed_6c', 'Mixed_6d', 'Mixed_6e'):
        x = getattr(model, name)(x)
    return x


def test_modules_give_inception_large_maps(repo):
    from mmengine.config import Config

    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'models' / 'cam_inceptionv3.py').model.backbone
    backbone = MODELS.build(cfg)
    backbone.eval()
    reference = torchvision.models.Inception3(aux_logits=True, init_weights=False).eval()
    backbone.load_state_dict(reference.state_dict())
    with torch.no_grad():
        for size, side in ((64, 8), (224, 28)):
            images = torch.randn(1, 3, size, size)
            (output,) = backbone(images)
            assert output.shape == (1, 768, side, side)
            torch.testing.assert_close(output, inception_reference(reference, images))


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_file_of_the_whole_network(googlenet, prefix, tmp_path):
    torch.save({prefix + name: value for name, value in googlenet.state_dict().items()}, tmp_path / 'whole.pth')
    backbone = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth')))
    backbone.init_weights()
    assert equal(backbone, googlenet.state_dict())


def test_own_state_dict_and_that_of_a_copy(googlenet):
    backbone = build()
    backbone.load_state_dict(build().state_dict())
    clone = copy.deepcopy(backbone)
    clone.load_state_dict(googlenet.state_dict())
    assert equal(clone, googlenet.state_dict())
    assert not equal(backbone, googlenet.state_dict())


def test_parameters_of_other_modules_are_left_alone(googlenet):
    model = nn.ModuleDict(dict(backbone=build(), fc=nn.Linear(2, 2)))
    state = {f'backbone.{name}': value for name, value in googlenet.state_dict().items()}
    model.load_state_dict({**state, 'fc.weight': torch.ones(2, 2), 'fc.bias': torch.ones(2)})
    assert bool((model.fc.weight == 1).all())


@pytest.mark.parametrize(
    'change', [lambda state: state.pop('conv2.conv.weight'), lambda state: state.update(x=state['conv2.bn.bias'])]
)
def test_missing_and_unknown_parameters_are_errors(googlenet, change, tmp_path):
    state = dict(googlenet.state_dict())
    change(state)
    torch.save(state, tmp_path / 'odd.pth')
    backbone = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'odd.pth')))
    with pytest.raises(ValueError, match=r'odd\.pth: does not fit this TruncatedBackbone'):
        backbone.init_weights()


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(layers=()), r"layers must name some of \['conv1', .* got \(\)"),
        (dict(layers='conv1'), 'layers must name some of .* got conv1'),
        (dict(layers=('inception4e', 'conv1')), 'layers must name some of .* in this order'),
        (dict(layers=('conv1', 'conv1')), 'layers must name some of .* in this order'),
        (dict(layers=('inception9',)), r"layers must name some of .* got \('inception9',\)"),
        (dict(modules={'conv1.pool': dict(stride=1)}), "modules: there is no 'conv1.pool'"),
        (dict(modules={'inception5a': dict(stride=1)}), "modules: there is no 'inception5a'"),
        (dict(modules={'maxpool1': dict(strides=1)}), "modules: 'maxpool1', a MaxPool2d, has no 'strides'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


class Nested(nn.Module):
    """A network with a sequence in it, and a part that is none."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(4)))
        self.pair = nn.ModuleDict(dict(one=nn.Identity()))
        self.head = nn.Flatten()


@pytest.fixture
def nested(monkeypatch):
    monkeypatch.setitem(MODELS._module_dict, 'Nested', Nested)
    return Nested()


@pytest.mark.parametrize('layers', [('blocks.1', 'blocks.2'), ('stem', 'blocks.2'), ('blocks',)])
def test_children_of_a_sequence(nested, layers):
    backbone = build(model=dict(type='Nested'), layers=layers)
    backbone.load_state_dict(nested.state_dict())
    assert not {name for name, _ in backbone.named_parameters()} & {'head', 'pair'}
    assert hasattr(backbone.blocks, '3') == (layers == ('blocks',))
    x = torch.randn(2, 3, 8, 8)
    stages, y = {}, nested.stem(x)
    stages['stem'] = y
    for index, block in enumerate(nested.blocks):
        y = stages[f'blocks.{index}'] = block(y)
    stages['blocks'] = y
    for output, name in zip(backbone(x), layers, strict=True):
        torch.testing.assert_close(output, stages[name])


def test_parts_of_what_is_no_sequence(nested):
    with pytest.raises(ValueError, match="layers: 'pair' is a ModuleDict, no sequence: name it as a whole"):
        build(model=dict(type='Nested'), layers=('pair.one',))
    with pytest.raises(ValueError, match=r"layers must name some of .*'blocks\.0'.* got .*blocks\.9"):
        build(model=dict(type='Nested'), layers=('blocks.9',))


def test_efficientnet_lite_is_timms_with_one_stride_less(repo):
    timm = pytest.importorskip('timm')
    from mmengine.config import Config

    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'models' / 'cam_efficientnet-lite0.py').model.backbone
    cfg.init_cfg = None
    backbone = MODELS.build(cfg)
    backbone.eval()
    reference = timm.create_model('tf_efficientnet_lite0').eval()
    backbone.load_state_dict(reference.state_dict())
    reference.blocks[5][0].conv_dw.stride = (1, 1)
    images = torch.randn(1, 3, 96, 64)
    with torch.no_grad():
        (output,) = backbone(images)
        assert output.shape == (1, 1280, 6, 4)
        torch.testing.assert_close(output, reference.forward_features(images), rtol=1e-4, atol=1e-4)
