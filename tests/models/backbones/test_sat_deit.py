import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint
from tscam_models import BACKBONES, WatchShapes, build_model, make_images, predict, randomise, training_step

from mmtscam.models import SATDeiT, TSCAMDeiT
from mmtscam.models.checkpoints import load_pretrained
from mmtscam.registry import MODELS

ARCH = BACKBONES['deit']['arch']


def build(training=False, **kwargs):
    backbone = SATDeiT(arch=ARCH, img_size=32, patch_size=8, **kwargs)
    randomise(backbone)
    backbone.train(training)
    return backbone


def test_without_gates_it_is_tscam_bit_for_bit():
    """Parameters, prediction, loss and gradients."""
    tscam, plain = build_model('deit'), build_model('sat', gated_blocks=0)
    assert list(tscam.state_dict()) == list(plain.state_dict())
    images = make_images('deit')
    for ours, reference in zip(predict(plain, images), predict(tscam, images), strict=True):
        assert torch.equal(ours.pred_score, reference.pred_score)
        for kind in ('coupled', 'attention', 'semantic'):
            assert torch.equal(ours.class_maps[kind], reference.class_maps[kind])
    (loss, gradients), (their_loss, their_gradients) = training_step(plain, images), training_step(tscam, images)
    assert torch.equal(loss, their_loss)
    assert list(gradients) == list(their_gradients)
    assert all(torch.equal(value, their_gradients[name]) for name, value in gradients.items())


@pytest.mark.parametrize('arch', ['deit-tiny', 'deit-small'])
def test_parameters_are_deits_and_two_more(arch):
    own, deit = SATDeiT(arch=arch), TSCAMDeiT(arch=arch)
    new = {name: value.numel() for name, value in own.state_dict().items() if name not in deit.state_dict()}
    assert new == dict(loc_token=own.embed_dims, loc_embed=own.embed_dims)
    assert set(own.state_dict()) == {*deit.state_dict(), *new}


def test_22_36_million_parameters():
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='mmtscam.SATDeiT', arch='deit-small'),
            head=dict(type='mmtscam.SATHead', num_classes=200, in_channels=384),
        )
    )
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2) == 22.36


@pytest.mark.parametrize('size', [(32, 32), (48, 32), (24, 56)])
@pytest.mark.parametrize('spatial_tokens', ['learned', 'image'])
@pytest.mark.parametrize('training', [True, False])
def test_shapes_at_any_size(size, spatial_tokens, training):
    backbone = build(training, spatial_tokens=spatial_tokens)
    feats = backbone(torch.randn(2, 3, *size))
    grid = tuple(edge // 8 for edge in size)
    assert feats.patches.shape == (2, 20, *grid)
    assert feats.further_map('foreground').shape == (2, *grid)
    if spatial_tokens == 'image':
        by_token = feats.further_map('foreground_by_token')
        assert by_token.shape == (2, 4, *grid)
        torch.testing.assert_close(by_token.mean(dim=1), feats.further_map('foreground'))
    assert (feats.attention is None) == training


@pytest.mark.parametrize('gated_blocks', [1, 3])
def test_foreground_is_the_mean_of_the_gates_of_the_last_blocks(gated_blocks):
    backbone, gates = build(gated_blocks=gated_blocks), []
    for index, layer in enumerate(backbone.layers):
        gated = index >= 3 - gated_blocks
        assert type(layer.attn).__name__ == ('GatedAttention' if gated else 'SplitAttention')

        def note(module, inputs, output, gated=gated):
            query, key, _ = output.unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
            logits = (query[:, :, -1:] @ key.mT).mean(dim=1) / query.shape[-1] ** 0.5
            if gated:
                gates.append(logits.sigmoid()[:, 0, 1:-1])

        layer.attn.qkv.register_forward_hook(note)
    feats = backbone(make_images('deit'))
    expected = torch.stack(gates).mean(dim=0).unflatten(1, (5, 7))
    torch.testing.assert_close(feats.further_map('foreground'), expected)


def test_four_tokens_see_every_second_pixel():
    backbone = build(spatial_tokens='image')
    images = torch.randn(2, 3, 16, 16)  # already of two patches
    tokens = backbone._spatial_tokens(images)
    for index, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        conv = backbone.loc_projections[index]
        part = images[:, :, row::2, column::2]
        expected = torch.einsum('bchw,dchw->bd', part, conv.weight) + conv.bias + backbone.loc_embed[0, index]
        torch.testing.assert_close(tokens[:, index], expected)


@pytest.mark.parametrize('spatial_tokens', ['learned', 'image'])
def test_no_matrix_is_formed(spatial_tokens):
    model, images = build_model('sat', 'SATHead', spatial_tokens=spatial_tokens), make_images('sat')
    tokens = 36 + (1 if spatial_tokens == 'learned' else 4)
    for step in (predict, training_step):
        with WatchShapes() as watched:
            list(step(model, images))
        assert watched.seen
        for count in (35, 36, tokens):
            assert watched.attention_matrices(count) == []
    explicit = build_model('sat', 'SATHead', spatial_tokens=spatial_tokens, attn_impl='explicit')
    with WatchShapes() as watched:
        training_step(explicit, images)
    assert watched.attention_matrices(tokens)


def test_explicit_equals_fused():
    images = make_images('sat')
    results = [training_step(build_model('sat', 'SATHead', attn_impl=impl), images) for impl in ('fused', 'explicit')]
    torch.testing.assert_close(results[0][0], results[1][0])
    for name, value in results[0][1].items():
        torch.testing.assert_close(value, results[1][1][name], atol=1e-6, rtol=1e-4)


def test_pretrained_file_may_lack_the_spatial_token_alone(tmp_path):
    deit, path = TSCAMDeiT(arch=ARCH, img_size=32, patch_size=8), tmp_path / 'deit.pth'
    randomise(deit, seed=3)
    torch.save(deit.state_dict(), path)
    backbone = build()
    token = backbone.loc_token.detach().clone()
    load_pretrained(backbone, str(path))
    assert torch.equal(backbone.loc_token, token)
    assert torch.equal(backbone.pos_embed, deit.pos_embed)
    for missing in ('pos_embed', 'layers.2.attn.qkv.bias'):
        torch.save({name: value for name, value in deit.state_dict().items() if name != missing}, path)
        with pytest.raises(ValueError, match='does not fit this SATDeiT'):
            load_pretrained(build(), str(path))
    # A file of SAT has both.
    torch.save({**build().state_dict(), 'loc_token': torch.ones(1, 1, 20)}, path)
    load_pretrained(backbone, str(path))
    assert backbone.loc_token.eq(1).all()
    torch.save({**deit.state_dict(), 'loc_token': torch.ones(1, 1, 20)}, path)
    with pytest.raises(ValueError, match='loc_embed'):
        load_pretrained(backbone, str(path))


def test_new_tokens_are_small_and_random():
    one, other = SATDeiT(arch='deit-tiny'), SATDeiT(arch='deit-tiny')
    for name in ('loc_token', 'loc_embed'):
        assert 0.015 < getattr(one, name).std().item() < 0.025
        assert not torch.equal(getattr(one, name), getattr(other, name))
    assert one.new_parameters == ['loc_token', 'loc_embed']


def test_copies_after_a_step():
    """Nothing of a forward pass is left behind that cannot be copied."""
    for spatial_tokens in ('learned', 'image'):
        backbone = build(training=True, spatial_tokens=spatial_tokens)
        backbone(make_images('sat'))
        copy.deepcopy(backbone)


def test_gradient_through_checkpointed_blocks():
    plain, saving = build(training=True), build(training=True)
    saving.load_state_dict(plain.state_dict())
    for layer in saving.layers:
        forward = layer.forward
        layer.forward = lambda x, forward=forward: checkpoint(forward, x, use_reentrant=False)
    images = make_images('sat')
    for backbone in (plain, saving):
        feats = backbone(images)
        (feats.patches.square().mean() + feats.further_map('foreground').mean()).backward()
    for ours, reference in zip(saving.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, reference.grad)
    for layer in saving.layers:
        forward = layer.forward
        layer.forward = lambda x, forward=forward: checkpoint(forward, x, use_reentrant=True)
    with pytest.raises(RuntimeError, match='no gradient flows through the gates of spatial tokens: reentrant'):
        saving(images)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(gated_blocks=4), 'gated_blocks must be from 0 to the number of blocks, 3, got 4'),
        (dict(gated_blocks=-1), 'got -1'),
        (dict(spatial_tokens='four'), "spatial_tokens must be one of .* got 'four'"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_registers_beside_the_spatial_token():
    """They lie between the patches and the spatial token, which asks for the foreground among all."""
    images = make_images('sat')
    backbone = build(num_registers=2)
    feats = backbone(images)
    assert feats.patches.shape[-2:] == feats.maps['foreground'].shape[-2:] == (5, 7)
    backbone.register_tokens.data.normal_()
    assert not torch.allclose(backbone(images).maps['foreground'], feats.maps['foreground'], atol=1e-4)
