"""TS-CAM on Conformer, against the papers' formulas written plainly from the parameters."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models.backbones import Conformer

from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

# 16, 32 and 64 channels in the three stages of two blocks.
TINY = dict(embed_dims=24, depths=6, num_heads=2, channel_ratio=1)
DEPTH, HEADS, PATCH, POOLED = 6, 2, 16, 64


class PlainConformer:
    """Conformer as its paper and its authors' code describe it, one line a step; evaluation only."""

    def __init__(self, state):
        self.state = state

    def conv(self, x, name, **kwargs):
        return F.conv2d(x, self.state[f'{name}.weight'], self.state.get(f'{name}.bias'), **kwargs)

    def linear(self, x, name):
        return x @ self.state[f'{name}.weight'].T + self.state[f'{name}.bias']

    def layer_norm(self, x, name, eps=1e-6):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + eps).sqrt()
        return x * self.state[f'{name}.weight'] + self.state[f'{name}.bias']

    def batch_norm(self, x, name, eps=1e-6):
        mean, var, weight, bias = (
            self.state[f'{name}.{key}'].view(1, -1, 1, 1) for key in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (var + eps).sqrt() * weight + bias

    def conv_block(self, x, name, stride=1, fused=None):
        """Bottleneck; the fused features join after its first convolution. Also its middle features."""
        y = F.relu(self.batch_norm(self.conv(x, f'{name}.conv1'), f'{name}.bn1'))
        y = y if fused is None else y + fused
        middle = F.relu(self.batch_norm(self.conv(y, f'{name}.conv2', stride=stride, padding=1), f'{name}.bn2'))
        y = self.batch_norm(self.conv(middle, f'{name}.conv3'), f'{name}.bn3')
        if f'{name}.residual_conv.weight' in self.state:
            x = self.batch_norm(self.conv(x, f'{name}.residual_conv', stride=stride), f'{name}.residual_bn')
        return F.relu(y + x), middle

    def trans_block(self, x, name):
        """Transformer block and its attention matrix, averaged over heads."""
        batch, tokens, width = x.shape
        qkv = self.linear(self.layer_norm(x, f'{name}.ln1'), f'{name}.attn.qkv')
        query, key, value = (part.view(batch, tokens, HEADS, -1).transpose(1, 2) for part in qkv.split(width, dim=-1))
        weights = (query @ key.transpose(-2, -1) / math.sqrt(width / HEADS)).softmax(-1)
        attended = (weights @ value).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.linear(attended, f'{name}.attn.proj')
        hidden = self.linear(self.layer_norm(x, f'{name}.ln2'), f'{name}.ffn.layers.0.0')
        x = x + self.linear(F.gelu(hidden), f'{name}.ffn.layers.1')
        return x, weights.mean(dim=1)

    def __call__(self, images):
        """Normalised tokens, pooled features, attention matrices."""
        stem = F.relu(self.batch_norm(self.conv(images, 'conv1', stride=2, padding=3), 'bn1', eps=1e-5))
        stem = F.max_pool2d(stem, 3, stride=2, padding=1)
        x, _ = self.conv_block(stem, 'conv_1')
        tokens = self.conv(stem, 'trans_patch_conv', stride=PATCH // 4).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.state['cls_token'].expand(len(images), -1, -1), tokens], dim=1)
        tokens, weights = self.trans_block(tokens, 'trans_1')
        matrices = [weights]
        height, width = images.shape[-2] // PATCH, images.shape[-1] // PATCH
        for index in range(2, DEPTH + 1):
            name, stage = f'conv_trans_{index}', (index - 1) // (DEPTH // 3)
            first = stage > 0 and (index - 1) % (DEPTH // 3) == 0
            x, middle = self.conv_block(x, f'{name}.cnn_block', stride=2 if first else 1)
            # Down: from the feature map to the tokens; the class token meets itself.
            scale = PATCH // 4 // 2**stage
            down = F.avg_pool2d(self.conv(middle, f'{name}.squeeze_block.conv_project'), scale)
            down = F.gelu(self.layer_norm(down.flatten(2).transpose(1, 2), f'{name}.squeeze_block.ln'))
            tokens, weights = self.trans_block(torch.cat([tokens[:, :1], down], dim=1) + tokens, f'{name}.trans_block')
            matrices.append(weights)
            # Up: from the patch tokens to the feature map.
            up = tokens[:, 1:].transpose(1, 2).reshape(len(images), -1, height, width)
            up = F.relu(self.batch_norm(self.conv(up, f'{name}.expand_block.conv_project'), f'{name}.expand_block.bn'))
            up = up.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
            x, _ = self.conv_block(x, f'{name}.fusion_block', stride=2 if index == DEPTH else 1, fused=up)
        return self.layer_norm(tokens, 'trans_norm', eps=1e-5), x.mean(dim=(2, 3)), matrices


def randomise(module):
    """No parameter or buffer stays where it would not be seen: at zero or one."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith('running_var'):
                value.uniform_(0.5, 2)
            elif value.is_floating_point():
                value.normal_(std=0.3 if value.ndim < 2 else 1 / math.sqrt(value[0].numel()))


def build(training=False, **kwargs):
    backbone = MODELS.build(dict(type='TSCAMConformer', **{'arch': TINY, 'base_channels': 16, **kwargs}))
    randomise(backbone)
    backbone.double().train(training)
    return backbone


def build_head(pooled_channels=POOLED):
    head = MODELS.build(dict(type='TSCAMHead', num_classes=5, in_channels=24, pooled_channels=pooled_channels))
    randomise(head)
    return head.double().eval()


def patch_rows(matrices, size):
    return torch.stack([matrix[:, 0, 1:].unflatten(-1, size) for matrix in matrices], dim=1)


@pytest.fixture
def images():
    return torch.randn(2, 3, 64, 48, dtype=torch.float64)


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_backbone_is_the_formulas(images, impl):
    backbone = build(attn_impl=impl)
    tokens, pooled, matrices = PlainConformer(backbone.state_dict())(images)
    feats = backbone(images)
    assert feats.patches.shape == (2, 24, 4, 3)
    torch.testing.assert_close(feats.patches, tokens[:, 1:].transpose(1, 2).unflatten(-1, (4, 3)))
    torch.testing.assert_close(feats.token, tokens[:, 0])
    torch.testing.assert_close(feats.pooled, pooled)
    assert feats.attention.shape == (2, DEPTH, 4, 3)
    torch.testing.assert_close(feats.attention, patch_rows(matrices, (4, 3)))
    assert not feats.attention.requires_grad
    # Not by chance: the blocks differ, and the images.
    assert feats.attention.std(dim=1).min() > 1e-5
    assert (feats.attention[0] - feats.attention[1]).abs().max() > 1e-5


def test_logits_and_maps_are_the_formulas(images):
    backbone, head = build(), build_head()
    tokens, pooled, matrices = PlainConformer(backbone.state_dict())(images)
    patches = tokens[:, 1:].transpose(1, 2).reshape(2, 24, 4, 3)
    semantic = F.conv2d(patches, head.conv.weight, head.conv.bias, padding=1)
    logits = semantic.mean(dim=(2, 3)) + pooled @ head.fc.weight.T + head.fc.bias
    feats = backbone(images)
    torch.testing.assert_close(head.maps(feats)['semantic'], semantic.float())
    torch.testing.assert_close(head(feats), logits)

    coupled = patch_rows(matrices, (4, 3)).mean(dim=1, keepdim=True) * semantic
    samples = head.predict(feats, [LocDataSample().set_gt_label(label) for label in (1, 4)])
    for index, sample in enumerate(samples):
        assert sample.pred_label.item() == logits[index].argmax().item()
        assert sample.class_maps.labels.tolist() == logits[index].argsort(descending=True).tolist()
        torch.testing.assert_close(sample.class_maps.maps, coupled[index, sample.class_maps.labels].float())


def test_loss_is_cross_entropy_on_the_sum_of_both_classifiers(images):
    backbone, head = build(), build_head()
    backbone.eval()  # BatchNorm as the formulas have it
    tokens, pooled, _ = PlainConformer(backbone.state_dict())(images)
    patches = tokens[:, 1:].transpose(1, 2).reshape(2, 24, 4, 3)
    logits = F.conv2d(patches, head.conv.weight, head.conv.bias, padding=1).mean(dim=(2, 3))
    logits = logits + F.linear(pooled, head.fc.weight, head.fc.bias)
    losses = head.loss(backbone(images), [LocDataSample().set_gt_label(label) for label in (1, 4)])
    assert list(losses) == ['loss']
    torch.testing.assert_close(
        losses['loss'], F.cross_entropy(logits, torch.tensor([1, 4])), check_dtype=False, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(('chosen', 'indices'), [([0, 2], [0, 2]), ([-1], [5]), ([3, 3, 1], [1, 3])])
def test_attn_layers_choose_blocks(images, chosen, indices):
    every, some = build(), build(attn_layers=chosen)
    some.load_state_dict(every.state_dict())
    torch.testing.assert_close(some(images).attention, every(images).attention[:, indices])


@pytest.mark.parametrize('chosen', [[], [6], [-7]])
def test_attn_layers_out_of_range(chosen):
    with pytest.raises(ValueError, match='attn_layers must name blocks from -6 to 5'):
        build(attn_layers=chosen)


@pytest.mark.parametrize('impl', ['fused', 'explicit'])
@pytest.mark.parametrize('chosen', [None, [1, 4]])
def test_rollout_is_the_product_of_the_matrices(images, chosen, impl):
    backbone = build(attn_aggregation='rollout', attn_layers=chosen, attn_impl=impl)
    _, _, matrices = PlainConformer(backbone.state_dict())(images)
    identity = torch.eye(13, dtype=torch.float64)
    product = identity
    for index in chosen or range(DEPTH):
        product = (matrices[index] + identity) / 2 @ product
    attention = backbone(images).attention
    assert attention.shape == (2, 1, 4, 3)
    torch.testing.assert_close(attention, patch_rows([product], (4, 3)), check_dtype=False, rtol=1e-5, atol=1e-6)


def test_outputs_and_names_are_mmpretrains(images):
    ours = build()
    theirs = Conformer(arch=TINY, base_channels=16).double()
    theirs.eval()  # returns nothing in mmpretrain
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    ((pooled, token),) = theirs(images)
    feats = ours(images)
    torch.testing.assert_close(feats.pooled, pooled, rtol=0, atol=0)
    torch.testing.assert_close(feats.token, token)


def missing_gradients(backbone, head, images):
    head.train()
    head.loss(backbone(images), [LocDataSample().set_gt_label(label) for label in (1, 4)])['loss'].backward()
    return {name for name, parameter in backbone.named_parameters() if parameter.grad is None}


def test_training_gives_no_attention_and_reaches_every_parameter(images):
    """So distributed training needs no ``find_unused_parameters``."""
    backbone = build(training=True)
    assert backbone(images).attention is None
    assert missing_gradients(backbone, build_head(), images) == set()


def test_pooled_features_without_a_classifier(images):
    """Otherwise the end of the convolutional branch would never be trained."""
    backbone = build(training=True)
    with pytest.raises(ValueError, match='pooled_channels of TSCAMHead is for backbones with a convolutional branch'):
        build_head(pooled_channels=None)(backbone(images))


def test_attention_is_given_again_after_training(images):
    backbone = build(training=True)
    backbone(images)
    backbone.eval()
    assert backbone(images).attention is not None


@pytest.mark.parametrize('size', [(60, 64), (64, 72), (8, 8)])
def test_input_that_is_no_multiple_of_the_patch_size(size):
    with pytest.raises(ValueError, match=f'{size[0]}x{size[1]} input: TSCAMConformer needs sides .* multiples of 16'):
        build()(torch.zeros(1, 3, *size, dtype=torch.float64))


def test_larger_patches(images):
    backbone = build(patch_size=32)
    feats = backbone(torch.randn(1, 3, 64, 96, dtype=torch.float64))
    assert feats.patches.shape[-2:] == feats.attention.shape[-2:] == (2, 3)
    with pytest.raises(ValueError, match=r'64x48 input: .* multiples of 32'):
        backbone(images)


def test_a_copy_stands_on_its_own(images):
    backbone = build()
    before = backbone(images)
    other = copy.deepcopy(backbone)
    for ours, theirs in zip(before, other(images), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    torch.nn.init.zeros_(other.trans_norm.weight)
    torch.nn.init.ones_(other.trans_norm.bias)
    assert bool((other(images).patches == 1).all())
    torch.testing.assert_close(backbone(images).patches, before.patches, rtol=0, atol=0)


def test_state_dict_round_trip(images):
    source, target = build(), build()
    target.load_state_dict(source.state_dict())
    for ours, theirs in zip(target(images), source(images), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def reference_name(name):
    """The original's name, by hand."""
    for ours, original in (
        ('.ln1.', '.norm1.'),
        ('.ln2.', '.norm2.'),
        ('.ffn.layers.0.0.', '.mlp.fc1.'),
        ('.ffn.layers.1.', '.mlp.fc2.'),
    ):
        name = name.replace(ours, original)
    return name


@pytest.mark.parametrize('wrap', [lambda state: {'model': state}, lambda state: state])
@pytest.mark.parametrize('kernel', [(), (3, 3)])
def test_original_file(wrap, kernel, tmp_path):
    source = build().float()
    state = {reference_name(name): value for name, value in source.state_dict().items()}
    state |= {'trans_cls_head.weight': torch.zeros(5, 24, *kernel), 'conv_cls_head.weight': torch.zeros(5, 64)}
    torch.save(wrap(state), tmp_path / 'conformer.pth')
    target = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'conformer.pth'))).float()
    target.init_weights()
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value), name


def test_original_file_of_another_width(tmp_path):
    state = {reference_name(name): value for name, value in build(arch={**TINY, 'embed_dims': 32}).state_dict().items()}
    torch.save({'model': state}, tmp_path / 'conformer.pth')
    target = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'conformer.pth')))
    with pytest.raises(ValueError, match=r'conformer\.pth: does not fit this TSCAMConformer'):
        target.init_weights()


@pytest.mark.parametrize('kwargs', [dict(with_cls_token=False), dict(out_indices=[2]), dict(out_indices=[2, 6])])
def test_class_token_and_last_stage_are_needed(kwargs):
    with pytest.raises(ValueError, match='needs class token and last stage'):
        build(**kwargs)


def test_released_initialisation():
    torch.manual_seed(0)
    head = MODELS.build(dict(type='TSCAMHead', num_classes=200, in_channels=64, pooled_channels=512, init='conformer'))
    head.init_weights()
    assert head.conv.weight.std().item() == pytest.approx((2 / (200 * 9)) ** 0.5, rel=0.02)
    assert head.fc.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert bool((head.fc.bias == 0).all())
