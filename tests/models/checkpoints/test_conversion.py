"""Names of parameters, against those of the authors' models, written down here once more."""

import pytest
import torch

from mmtscam.models.checkpoints import from_reference, is_reference, reference_model, to_reference
from mmtscam.registry import MODELS


def linear(name, inputs, outputs):
    return {f'{name}.weight': (outputs, inputs), f'{name}.bias': (outputs,)}


def norm(name, width):
    return {f'{name}.weight': (width,), f'{name}.bias': (width,)}


def batch_norm(name, width):
    return {
        **norm(name, width),
        f'{name}.running_mean': (width,),
        f'{name}.running_var': (width,),
        f'{name}.num_batches_tracked': (),
    }


def conv(name, inputs, outputs, size, bias=True):
    return {f'{name}.weight': (outputs, inputs, size, size), **({f'{name}.bias': (outputs,)} if bias else {})}


def block(name, width):
    return {
        **norm(f'{name}.norm1', width),
        **linear(f'{name}.attn.qkv', width, 3 * width),
        **linear(f'{name}.attn.proj', width, width),
        **norm(f'{name}.norm2', width),
        **linear(f'{name}.mlp.fc1', width, 4 * width),
        **linear(f'{name}.mlp.fc2', 4 * width, width),
    }


def deit(width, depth, classes, tscam, patches=196):
    head = conv('head', width, classes, 3) if tscam else linear('head', width, classes)
    shapes = {
        'cls_token': (1, 1, width),
        'pos_embed': (1, 1 + patches, width),
        **conv('patch_embed.proj', 3, width, 16),
        **norm('norm', width),
        **head,
    }
    for index in range(depth):
        shapes |= block(f'blocks.{index}', width)
    return shapes


def sat(width, depth, classes):
    """The last one is a fixed kernel, which is no parameter here."""
    tokens = {'loc_token': (1, 1, width), 'loc_embed': (1, 1, width)}
    return deit(width, depth, classes, tscam=True) | tokens | {'weight': (1, 1, 3, 3)}


def scm(width, depth, classes):
    layers = {f'layers.{index}.{name}': (1,) for index in range(4) for name in ('thred', 'fuse._loss_rate')}
    return deit(width, depth, classes, tscam=True) | layers


def conv_block(name, inputs, outputs, residual):
    middle = outputs // 4
    shapes = {
        **conv(f'{name}.conv1', inputs, middle, 1, bias=False),
        **batch_norm(f'{name}.bn1', middle),
        **conv(f'{name}.conv2', middle, middle, 3, bias=False),
        **batch_norm(f'{name}.bn2', middle),
        **conv(f'{name}.conv3', middle, outputs, 1, bias=False),
        **batch_norm(f'{name}.bn3', outputs),
    }
    if residual:
        shapes |= conv(f'{name}.residual_conv', inputs, outputs, 1, bias=False)
        shapes |= batch_norm(f'{name}.residual_bn', outputs)
    return shapes


def conformer(width, depth, base, classes, tscam):
    """``base`` is base_channel times channel_ratio of the original."""
    head = conv('trans_cls_head', width, classes, 3) if tscam else linear('trans_cls_head', width, classes)
    shapes = {
        'cls_token': (1, 1, width),
        **norm('trans_norm', width),
        **head,
        **linear('conv_cls_head', 4 * base, classes),
        **conv('conv1', 3, 64, 7, bias=False),
        **batch_norm('bn1', 64),
        **conv_block('conv_1', 64, base, residual=True),
        **conv('trans_patch_conv', 64, width, 4),
        **block('trans_1', width),
    }
    channels = base
    for index in range(2, depth + 1):
        outputs = base * 2 ** ((index - 1) // (depth // 3))
        name = f'conv_trans_{index}'
        shapes |= conv_block(f'{name}.cnn_block', channels, outputs, residual=outputs != channels)
        shapes |= conv_block(f'{name}.fusion_block', outputs, outputs, residual=index == depth)
        shapes |= conv(f'{name}.squeeze_block.conv_project', outputs // 4, width, 1)
        shapes |= norm(f'{name}.squeeze_block.ln', width)
        shapes |= conv(f'{name}.expand_block.conv_project', width, outputs // 4, 1)
        shapes |= batch_norm(f'{name}.expand_block.bn', outputs // 4)
        shapes |= block(f'{name}.trans_block', width)
        channels = outputs
    return shapes


def tensors(shapes):
    """Each tensor another, so that none can be taken for another one."""
    return {
        name: torch.tensor(index)
        if name.endswith('num_batches_tracked')
        else torch.full(shape, float(index), dtype=torch.float16 if index % 2 else torch.float32)
        for index, (name, shape) in enumerate(shapes.items())
    }


KINDS = {
    'DeiT: width 8, 3 blocks, 5 classes': deit(8, 3, 5, tscam=False),
    'TS-CAM DeiT: width 8, 3 blocks, 5 classes': deit(8, 3, 5, tscam=True),
    'SAT DeiT: width 8, 3 blocks, 5 classes': sat(8, 3, 5),
    'SCM DeiT: width 8, 3 blocks, 5 classes': scm(8, 3, 5),
    'Conformer: width 8, 6 blocks, 5 classes': conformer(8, 6, 16, 5, tscam=False),
    'TS-CAM Conformer: width 8, 6 blocks, 5 classes': conformer(8, 6, 16, 5, tscam=True),
}
every_kind = pytest.mark.parametrize('kind', KINDS)


@every_kind
def test_there_and_back_is_exact(kind):
    state = tensors(KINDS[kind])
    ours = from_reference({f'module.{name}': value for name, value in state.items()})
    assert all(name.startswith(('backbone.', 'head.')) for name in ours)
    assert not is_reference(ours)
    back = to_reference(ours)
    assert set(back) == set(state)
    assert all(back[name] is state[name] for name in state if name != 'weight')


def test_the_kernel_of_sat():
    """The centre, the edges and the corners that its code computes."""
    kernel = to_reference(from_reference(tensors(sat(8, 3, 5))))['weight']
    centre, edge, corner = 0.80544, 0.04601, 0.00263
    expected = torch.tensor([[corner, edge, corner], [edge, centre, edge], [corner, edge, corner]])
    torch.testing.assert_close(kernel[0, 0], expected, atol=6e-6, rtol=0)
    assert kernel.sum().item() == pytest.approx(1)


@every_kind
def test_the_model_is_told(kind):
    state = tensors(KINDS[kind])
    assert is_reference(state)
    assert is_reference({f'module.{name}': value for name, value in state.items()})
    assert str(reference_model(state)) == kind


def test_a_backbone_alone():
    state = {name: value for name, value in tensors(deit(8, 2, 5, tscam=False)).items() if 'head' not in name}
    assert str(reference_model(state)) == 'DeiT: width 8, 2 blocks, no classifier'
    back = to_reference(from_reference(state))
    assert set(back) == set(state)
    assert all(back[name] is state[name] for name in state)


FULL_SIZE = {
    'tscam-deit-s': (
        deit(384, 12, 200, tscam=True),
        dict(type='TSCAMDeiT', arch='deit-small'),
        dict(type='TSCAMHead', num_classes=200, in_channels=384),
    ),
    'deit-s': (
        deit(384, 12, 1000, tscam=False),
        dict(type='TSCAMDeiT', arch='deit-small'),
        dict(type='ClassTokenHead', num_classes=1000, in_channels=384),
    ),
    'sat-deit-s': (
        sat(384, 12, 200),
        dict(type='SATDeiT', arch='deit-small'),
        dict(type='SATHead', num_classes=200, in_channels=384),
    ),
    'scm-deit-s': (
        scm(384, 12, 200),
        dict(type='TSCAMDeiT', arch='deit-small', attention='always'),
        dict(type='SCMHead', num_classes=200, in_channels=384),
    ),
    'tscam-conformer-s': (
        conformer(384, 12, 256, 200, tscam=True),
        dict(type='TSCAMConformer', arch='small'),
        dict(type='TSCAMHead', num_classes=200, in_channels=384, pooled_channels=1024),
    ),
    'tscam-conformer-t': (
        conformer(384, 12, 64, 200, tscam=True),
        dict(type='TSCAMConformer', arch='tiny'),
        dict(type='TSCAMHead', num_classes=200, in_channels=384, pooled_channels=256),
    ),
    'conformer-b': (
        conformer(576, 12, 384, 1000, tscam=False),
        dict(type='TSCAMConformer', arch='base'),
        dict(
            type='mmpretrain.ConformerHead',
            num_classes=1000,
            in_channels=[1536, 576],
            loss=dict(type='mmpretrain.CrossEntropyLoss'),
        ),
    ),
}


@pytest.mark.parametrize('name', FULL_SIZE)
def test_every_name_and_shape_of_a_full_size_model(name):
    shapes, backbone, head = FULL_SIZE[name]
    with torch.device('meta'):
        state = {name: torch.empty(shape) for name, shape in shapes.items()}
    preprocessor = dict(type='mmpretrain.ClsDataPreprocessor')
    config = dict(type='mmpretrain.ImageClassifier', data_preprocessor=preprocessor, backbone=backbone, head=head)
    model = MODELS.build(config).state_dict()
    ours = from_reference(state)
    assert {name: tuple(value.shape) for name, value in ours.items()} == {
        name: tuple(value.shape) for name, value in model.items()
    }
    assert {name: tuple(value.shape) for name, value in to_reference(model).items()} == shapes


@pytest.mark.parametrize(
    'name', ['mask_token', 'blocks.0.gamma_1', 'fc_norm.weight', 'decoder_blocks.0.norm1.weight', 'norm.running_mean']
)
def test_a_name_that_the_released_models_do_not_have(name):
    with pytest.raises(ValueError, match=f'{name} has no counterpart'):
        from_reference(tensors(deit(8, 2, 5, tscam=False) | {name: (8,)}))


def test_a_medial_block_of_conformer_is_refused():
    name = 'conv_trans_2.med_block.0.conv1.weight'
    with pytest.raises(ValueError, match=f'{name} has no counterpart'):
        from_reference(tensors(conformer(8, 6, 16, 5, tscam=True) | {name: (4, 16, 1, 1)}))


@pytest.mark.parametrize(
    'state', [{}, {'module.conv1.weight': torch.zeros(3)}, {'layers.0.ln1.weight': torch.zeros(3)}]
)
def test_other_models_are_refused(state):
    with pytest.raises(ValueError, match='neither DeiT nor Conformer under the names of their authors; first names: '):
        from_reference(state)
    with pytest.raises(ValueError, match='no model of a backbone and a head; first name: '):
        to_reference(state)


@pytest.mark.parametrize(
    ('kind', 'drop', 'add', 'message'),
    [
        ('TS-CAM DeiT', (), 'head.fc.weight', 'a head of conv and fc on DeiT has no counterpart'),
        ('TS-CAM DeiT', ('head.conv',), 'head.classifier.0.weight', 'a head of classifier on DeiT has no counterpart'),
        # The class token's classifier on Conformer: none of the released models' two.
        ('TS-CAM Conformer', ('head.conv',), 'head.fc.weight', 'a head of fc on Conformer has no counterpart'),
        ('TS-CAM Conformer', ('head.fc',), 'head.conv.weight', 'theirs are of .*, or conv and fc'),
        ('TS-CAM DeiT', (), 'neck.weight', 'no model of a backbone and a head; first name: neck.weight'),
        (
            'TS-CAM DeiT',
            (),
            'backbone.layers.0.attn.gamma1.weight',
            r'layers\.0\.attn\.gamma1\.weight has no counterpart',
        ),
        ('TS-CAM DeiT', (), 'backbone.pre_norm.weight', r'pre_norm\.weight has no counterpart'),
    ],
)
def test_what_the_released_models_cannot_hold(kind, drop, add, message):
    shapes = next(shapes for name, shapes in KINDS.items() if name.startswith(f'{kind}:'))
    ours = {name: value for name, value in from_reference(tensors(shapes)).items() if not name.startswith(drop)}
    with pytest.raises(ValueError, match=message):
        to_reference(ours | {add: torch.zeros(2, 2)})
