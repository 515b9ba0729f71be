import math

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.selfsup import MAEViT
from tscam_models import build_model, make_images

from mmtscam.localization import explicit_attention
from mmtscam.models import TSCAMDeiT
from mmtscam.models.checkpoints import load_pretrained
from mmtscam.registry import MODELS

TINY = dict(embed_dims=24, num_layers=4, num_heads=3, feedforward_channels=48)


def build(training=False, **kwargs):
    backbone = MODELS.build(dict(type='TSCAMDeiT', **{'arch': TINY, 'img_size': 32, 'patch_size': 8, **kwargs}))
    backbone.train(training)  # mmpretrain's backbones return nothing here
    return backbone


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_forward_and_backward(impl):
    backbone = build(training=True, attn_impl=impl)
    features, attention, token, *_ = backbone(torch.randn(2, 3, 32, 32))
    assert features.shape == (2, 24, 4, 4)
    assert attention is None
    assert token.shape == (2, 24)
    (features.square().mean() + token.mean()).backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_evaluation_gives_attention_without_gradient():
    features, attention, _, pooled, _ = build()(torch.randn(2, 3, 32, 32))
    assert attention.shape == (2, 4, 4, 4)
    assert features.requires_grad
    assert pooled is None
    assert not attention.requires_grad
    # Without the class-to-class entry a row sums to less than one.
    assert bool((attention.sum(dim=(2, 3)) < 1).all())
    assert bool((attention > 0).all())


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
@pytest.mark.parametrize('aggregation', ['mean', 'rollout'])
def test_attention_in_training_has_a_gradient(impl, aggregation):
    backbone = build(training=True, attention='always', attn_impl=impl, attn_aggregation=aggregation)
    _, attention, *_ = backbone(torch.randn(2, 3, 32, 32))
    assert attention.shape == (2, 4 if aggregation == 'mean' else 1, 4, 4)
    attention[..., 0, 0].sum().backward()
    for layer in backbone.layers:
        queries_and_keys = layer.attn.qkv.weight.grad[: 2 * 24]
        assert bool((queries_and_keys.abs().sum(dim=1) > 0).all())


def test_attention_in_training_is_that_of_evaluation():
    backbone = build(attention='always')
    images = torch.randn(2, 3, 32, 32)
    evaluated = backbone(images)
    assert evaluated.attention.requires_grad
    backbone.train()
    trained = backbone(images)
    torch.testing.assert_close(trained.attention, evaluated.attention)


def test_gradient_through_attention_is_that_of_the_matrix():
    fused, explicit = (build(training=True, attention='always', attn_impl=impl) for impl in ('fused', 'explicit'))
    explicit.load_state_dict(fused.state_dict())
    images, weights = torch.randn(2, 3, 32, 32), torch.randn(2, 4, 4, 4)
    for backbone in (fused, explicit):
        (backbone(images).attention * weights).sum().backward()
    for ours, reference in zip(fused.parameters(), explicit.parameters(), strict=True):
        if reference.grad is not None:
            torch.testing.assert_close(ours.grad, reference.grad)


class Propagating(TSCAMDeiT):
    def block_rows(self, query, key):
        matrix = explicit_attention(query, key, key)[1].mean(dim=1)
        return dict(propagated=(matrix[:, :1] @ matrix)[:, 0], keys=key.sum(dim=(1, 3)))


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_rows_of_ones_own_from_queries_and_keys(impl):
    plain = build()
    backbone = Propagating(arch=TINY, img_size=32, patch_size=8, attn_impl=impl, attn_layers=[0, -1])
    backbone.eval()
    backbone.load_state_dict(plain.state_dict())
    images, seen = torch.randn(2, 3, 32, 32), []
    for layer in (plain.layers[0], plain.layers[-1]):
        layer.attn.qkv.register_forward_hook(lambda module, inputs, output: seen.append(output))
    expected = plain(images)
    feats = backbone(images)
    torch.testing.assert_close(feats.patches, expected.patches)
    for place, output in enumerate(seen):
        query, key, _ = (part.unflatten(-1, (3, -1)).transpose(1, 2) for part in output.chunk(3, dim=-1))
        matrix = (query @ key.transpose(2, 3) / query.shape[-1] ** 0.5).softmax(dim=-1).mean(dim=1)
        row = torch.einsum('bi,bij->bj', matrix[:, 0], matrix)[:, 1:].unflatten(1, (4, 4))
        torch.testing.assert_close(feats.further_map('propagated')[:, place], row)
        keys = key.sum(dim=(1, 3))[:, 1:].unflatten(1, (4, 4))
        torch.testing.assert_close(feats.further_map('keys')[:, place], keys)
    assert not feats.further_map('propagated').requires_grad


def test_rows_of_ones_own_in_training():
    backbone = Propagating(arch=TINY, img_size=32, patch_size=8, attention='always')
    backbone.train()
    backbone(torch.randn(2, 3, 32, 32)).further_map('propagated').square().sum().backward()
    assert bool((backbone.layers[0].attn.qkv.weight.grad[:24].abs().sum(dim=1) > 0).all())
    usual = Propagating(arch=TINY, img_size=32, patch_size=8)
    usual.train()
    feats = usual(torch.randn(2, 3, 32, 32))
    assert feats.maps is None
    with pytest.raises(
        ValueError, match="needs the map 'propagated' of the backbone, which gives none: use a backbone"
    ):
        feats.further_map('propagated')


def test_when_attention_is_given_is_a_choice():
    with pytest.raises(ValueError, match=r"attention must be one of \('eval', 'always'\), got 'train'"):
        build(attention='train')


def test_fused_equals_explicit():
    fused, explicit = build(), build(attn_impl='explicit')
    explicit.load_state_dict(fused.state_dict())
    images = torch.randn(2, 3, 32, 32)
    for ours, reference in zip(fused(images)[:3], explicit(images)[:3], strict=True):
        torch.testing.assert_close(ours, reference)


@pytest.mark.parametrize('arch', ['deit-tiny', 'deit-small', 'deit-base'])
def test_state_dict_is_mmpretrains(arch):
    ours = build(arch=arch, img_size=224, patch_size=16).state_dict()
    theirs = VisionTransformer(arch=arch, out_type='featmap').state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_features_are_mmpretrains():
    ours = build()
    theirs = VisionTransformer(arch=TINY, img_size=32, patch_size=8, out_type='featmap')
    theirs.eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours(images)[0], theirs(images)[0])


@pytest.mark.parametrize('size', [(32, 32), (48, 32), (24, 56), (8, 16)])
def test_any_number_of_patches(size):
    features, attention, *_ = build()(torch.randn(1, 3, *size))
    assert features.shape[-2:] == attention.shape[-2:] == (size[0] // 8, size[1] // 8)


@pytest.mark.parametrize(('size', 'near'), [((25, 56), '24x56'), ((32, 31), '32x32'), ((9, 1), '8x8')])
def test_sides_that_patches_do_not_cover(size, near):
    """The maps would be stretched over the image."""
    message = (
        f'{size[0]}x{size[1]} input: TSCAMDeiT needs sides that are multiples of 8, .* resize to {near}, by scale of'
    )
    with pytest.raises(ValueError, match=message):
        build()(torch.randn(1, 3, *size))


def test_attention_goes_by_the_mode_of_the_backbone_alone():
    """A detector may train on a backbone that is kept in evaluation."""
    backbone = build(drop_path_rate=0.5)
    detector, images = torch.nn.Sequential(backbone, torch.nn.Identity()), torch.randn(2, 3, 32, 48)
    expected = backbone(images).attention
    detector.train()
    assert detector[0](images).attention is None
    backbone.eval()
    assert detector.training
    assert torch.equal(detector[0](images).attention, expected)
    detector.requires_grad_(False)
    assert torch.equal(detector(images).attention, expected)


@pytest.mark.parametrize(('chosen', 'indices'), [([0, 2], [0, 2]), ([-1], [3]), ([3, 3, 1], [1, 3])])
def test_attn_layers_choose_blocks(chosen, indices):
    every = build()
    some = build(attn_layers=chosen)
    some.load_state_dict(every.state_dict())
    images = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(some(images)[1], every(images)[1][:, indices])


@pytest.mark.parametrize('chosen', [[], [4], [-5]])
def test_attn_layers_out_of_range(chosen):
    with pytest.raises(ValueError, match='attn_layers must name blocks from -4 to 3'):
        build(attn_layers=chosen)


def test_unknown_attn_impl():
    with pytest.raises(ValueError, match=r"attn_impl must be one of .* got 'flash'"):
        build(attn_impl='flash')


@pytest.mark.parametrize('kwargs', [dict(with_cls_token=False), dict(out_indices=[1]), dict(out_indices=[1, 3])])
def test_class_token_and_last_block_are_needed(kwargs):
    with pytest.raises(ValueError, match='needs class token and last block'):
        build(**kwargs)


def randomise(backbone):
    """Nothing stays so small that it would not be seen, as layer scale."""
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.normal_(std=0.5 if parameter.ndim < 2 else 2 / math.sqrt(parameter[0].numel()))


def attention_matrices(backbone, images):
    """Every block's attention matrix, averaged over heads, from what its qkv layer computes."""
    matrices, handles = [], []

    def keep(module, inputs, output):
        heads = backbone.arch_settings['num_heads']
        query, key, _ = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in output.chunk(3, dim=-1))
        matrices.append((query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1).mean(1).detach())

    for layer in backbone.layers:
        handles.append(layer.attn.qkv.register_forward_hook(keep))
    feats = backbone(images)
    for handle in handles:
        handle.remove()
    return feats, matrices


# The settings of mmpretrain's configs, at another size.
VITS = {
    'deit': dict(),
    'mae': dict(img_size=32, patch_size=8, final_norm=True, interpolate_mode='bicubic'),
    'dinov2': dict(img_size=56, patch_size=14, layer_scale_init_value=1e-5),
}
every_vit = pytest.mark.parametrize('name', VITS)


@every_vit
@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_class_attention_of_plain_vits(name, impl):
    backbone = build(attn_impl=impl, **VITS[name])
    randomise(backbone)
    patch = backbone.patch_embed.projection.stride[0]
    feats, matrices = attention_matrices(backbone, torch.randn(2, 3, 5 * patch, 3 * patch))
    expected = torch.stack([matrix[:, 0, 1:].unflatten(-1, (5, 3)) for matrix in matrices], dim=1)
    assert feats.attention.shape == (2, 4, 5, 3)
    torch.testing.assert_close(feats.attention, expected)
    assert feats.attention.std(dim=1).max() > 1e-3


@every_vit
@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_rollout_of_plain_vits(name, impl):
    backbone = build(attn_impl=impl, attn_aggregation='rollout', **VITS[name])
    randomise(backbone)
    patch = backbone.patch_embed.projection.stride[0]
    feats, matrices = attention_matrices(backbone, torch.randn(2, 3, 4 * patch, 4 * patch))
    product = torch.eye(17)
    for matrix in matrices:
        product = (matrix + torch.eye(17)) / 2 @ product
    assert feats.attention.shape == (2, 1, 4, 4)
    torch.testing.assert_close(feats.attention, product[:, :1, 1:].unflatten(-1, (4, 4)))


def test_rollout_over_chosen_blocks():
    backbone = build(attn_aggregation='rollout', attn_layers=[-1, 1])
    randomise(backbone)
    feats, matrices = attention_matrices(backbone, torch.randn(1, 3, 32, 32))
    product = (matrices[3] + torch.eye(17)) / 2 @ (matrices[1] + torch.eye(17)) / 2
    torch.testing.assert_close(feats.attention, product[:, :1, 1:].unflatten(-1, (4, 4)))


def test_rollout_is_not_computed_while_training():
    backbone = build(training=True, attn_aggregation='rollout')
    assert backbone(torch.randn(1, 3, 32, 32)).attention is None
    backbone.eval()
    assert backbone(torch.randn(1, 3, 32, 32)).attention.shape == (1, 1, 4, 4)


def test_unknown_aggregation():
    with pytest.raises(ValueError, match=r"attn_aggregation must be one of .* got 'max'"):
        build(attn_aggregation='max')


@every_vit
def test_features_of_plain_vits_are_mmpretrains(name):
    settings = {'img_size': 32, 'patch_size': 8, **VITS[name]}
    ours = build(**settings)
    randomise(ours)
    theirs = VisionTransformer(arch=TINY, out_type='raw', **settings)
    theirs.eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 3 * settings['patch_size'], 4 * settings['patch_size'])
    (tokens,) = theirs(images)
    feats = ours(images)
    torch.testing.assert_close(feats.patches.flatten(2).transpose(1, 2), tokens[:, 1:])
    torch.testing.assert_close(feats.token, tokens[:, 0])


def store(tmp_path, backbone, **foreign):
    """A checkpoint as mmpretrain writes it: a whole model, of which the backbone is one part."""
    state = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    state |= {name.replace('__', '.'): value for name, value in foreign.items()}
    torch.save({'state_dict': state, 'meta': {}}, tmp_path / 'mmpretrain.pth')
    return str(tmp_path / 'mmpretrain.pth')


def test_checkpoint_of_mmpretrains_mae(tmp_path):
    source = MAEViT(arch=TINY, img_size=32, patch_size=8)
    randomise(source)
    path = store(tmp_path, source, neck__mask_token=torch.zeros(1, 1, 8), head__fc__weight=torch.zeros(4))
    target = build(init_cfg=dict(type='Pretrained', checkpoint=path))
    target.init_weights()
    expected = source.state_dict()
    assert list(target.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in target.state_dict().items())


def test_checkpoint_of_mmpretrains_dinov2_at_another_input_size(tmp_path):
    settings = dict(patch_size=14, layer_scale_init_value=1e-5)
    source = VisionTransformer(arch=TINY, img_size=56, **settings)
    randomise(source)
    target = build(img_size=84, **settings)
    load_pretrained(target, store(tmp_path, source, head__layers__head__weight=torch.zeros(5, 24)))
    expected = source.state_dict()
    for name, value in target.state_dict().items():
        if name != 'pos_embed':
            assert torch.equal(value, expected[name]), name
    assert 'layers.0.attn.gamma1.weight' in expected
    # 4 x 4 patches become 6 x 6; the class token's embedding stays.
    assert target.pos_embed.shape == (1, 1 + 36, 24)
    assert torch.equal(target.pos_embed[:, 0], expected['pos_embed'][:, 0])
    grid = expected['pos_embed'][:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    resized = torch.nn.functional.interpolate(grid, size=(6, 6), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed[:, 1:], resized.flatten(2).transpose(1, 2))


def test_checkpoint_without_a_backbone_is_named(tmp_path):
    path = store(tmp_path, torch.nn.Identity(), neck__weight=torch.zeros(3))
    with pytest.raises(ValueError, match=r'mmpretrain\.pth: does not fit this TSCAMDeiT'):
        load_pretrained(build(), path)


def test_tokens_are_bfloat16_in_evaluation_on_a_cpu_alone():
    """Between the blocks, under autocast; training keeps sums of skip connections in full precision."""
    model, images = build_model(), make_images('deit')
    seen = []
    for layer in model.backbone.layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with torch.no_grad():
        model.extract_feat(images)
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast('cpu', dtype):
                model.extract_feat(images)
        model.train()
        with torch.autocast('cpu', torch.bfloat16):
            model.extract_feat(images)
    assert seen == [torch.float32] * 3 + [torch.bfloat16] * 3 + [torch.float32] * 6


@pytest.mark.parametrize('aggregation', ['mean', 'rollout'])
def test_registers_take_part_and_are_in_no_output(aggregation):
    """Their features are compared with timm's where files of other libraries are."""
    images = torch.randn(2, 3, 32, 40)
    backbones = [build(num_registers=3, attn_impl=impl, attn_aggregation=aggregation) for impl in ('fused', 'explicit')]
    backbones[1].load_state_dict(backbones[0].state_dict())
    (fused, explicit), layers = (backbone(images) for backbone in backbones), 4 if aggregation == 'mean' else 1
    assert fused.patches.shape == (2, 24, 4, 5)
    assert fused.attention.shape == (2, layers, 4, 5)
    torch.testing.assert_close(fused.attention, explicit.attention, rtol=1e-4, atol=1e-6)
    backbones[0].register_tokens.data.normal_()
    assert not torch.allclose(backbones[0](images).patches, fused.patches, atol=1e-3)


def test_the_attention_of_the_class_token_is_shared_with_registers():
    backbone = build(num_registers=3, arch={**TINY, 'num_layers': 1})
    kept = []
    backbone.layers[0].attn.qkv.register_forward_hook(lambda module, inputs, output: kept.append(output))
    attention = backbone(torch.randn(2, 3, 32, 32)).attention
    query, key, value = kept[0].unflatten(-1, (3, 3, 8)).permute(2, 0, 3, 1, 4)
    assert query.shape == (2, 3, 1 + 16 + 3, 8)
    rows = explicit_attention(query, key, value)[1].mean(dim=1)[:, 0, 1:17]
    torch.testing.assert_close(attention[:, 0].flatten(1), rows)


def test_registers_of_a_frozen_backbone_are_frozen():
    backbone = build(num_registers=3, frozen_stages=4)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert build(num_registers=3).register_tokens.requires_grad
