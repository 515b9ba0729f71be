import math

import pytest
import torch
from loc_samples import make_samples
from tscam_models import build_model, make_images, training_step

from mmtscam.models import TSCAMDeiT
from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS


def build(**kwargs):
    return MODELS.build(dict(type='TriLiteHead', **{'num_classes': 6, 'in_channels': 8, **kwargs}))


@pytest.fixture
def feats():
    return TokenFeatures(torch.randn(2, 8, 5, 4), None, torch.randn(2, 8))


def test_the_three_shares_sum_to_one_and_foreground_is_the_first(feats):
    head = build().eval()
    with torch.no_grad():
        head.norm.bias.copy_(torch.tensor([2.0, 1, 0]))
    maps = head.maps(head.prepare(feats))
    assert list(maps) == ['foreground', 'background', 'ambiguous']
    torch.testing.assert_close(sum(maps.values()), torch.ones(2, 5, 4))
    assert maps['foreground'].mean() > maps['background'].mean() > maps['ambiguous'].mean()


def test_losses_by_hand(feats):
    head = build(part_dropout=0, token_dropout=0, background_weight=7).train()
    shares = head.norm(head.conv(feats.patches)).softmax(dim=1)
    losses = head.loss(feats, make_samples(1, 5))
    assert list(losses) == ['loss_cls', 'loss_foreground', 'loss_background', 'area']
    truth = torch.tensor([1, 5])
    by_part = []
    for part in (0, 1):
        weighted = (feats.patches * shares[:, part, None]).sum(dim=(2, 3))
        by_part.append(head.part_fc(weighted / shares[:, part].sum(dim=(1, 2))[:, None]))
    cross_entropy = torch.nn.functional.cross_entropy
    torch.testing.assert_close(losses['loss_cls'], cross_entropy(head.fc(feats.token), truth))
    torch.testing.assert_close(losses['loss_foreground'], cross_entropy(by_part[0], truth), atol=1e-5, rtol=1e-5)
    wrong = -torch.log(1 - by_part[1].softmax(dim=1)[torch.arange(2), truth])
    torch.testing.assert_close(losses['loss_background'], 7 * wrong.mean(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses['area'], shares[:, 0].mean())


def test_mixed_labels_weigh_the_probabilities(feats):
    head = build(part_dropout=0, token_dropout=0).train()
    plain, mixed = make_samples(1, 5), make_samples(1, 5)
    for sample, label in zip(mixed, (1, 5), strict=True):
        sample.set_gt_score(torch.nn.functional.one_hot(torch.tensor(label), 6).float())
    losses = [head.loss(feats, samples) for samples in (plain, mixed)]
    for name in losses[0]:
        torch.testing.assert_close(losses[0][name], losses[1][name])


@pytest.mark.parametrize('num_classes', [200, 1000])
def test_losses_at_the_start(num_classes):
    """ln C, ln C, and about a half, the rule behind the background's weight."""
    head = build(num_classes=num_classes, part_dropout=0, token_dropout=0).train()
    with torch.no_grad():
        for layer in (head.fc, head.part_fc):
            layer.weight.zero_()
            layer.bias.zero_()
    feats = TokenFeatures(torch.randn(2, 8, 5, 4), None, torch.randn(2, 8))
    losses = head.loss(feats, make_samples(1, 5))
    assert losses['loss_cls'].item() == pytest.approx(math.log(num_classes), abs=1e-5)
    assert losses['loss_foreground'].item() == pytest.approx(math.log(num_classes), abs=1e-5)
    # float32 rounds the small probability.
    assert losses['loss_background'].item() == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize(('num_classes', 'expected'), [(200, 164_374), (1000, 780_374)])
def test_number_of_parameters(num_classes, expected):
    head = build(num_classes=num_classes, in_channels=384)
    assert sum(parameter.numel() for parameter in head.parameters()) == expected


def frozen(**kwargs):
    return build_model('deit', 'TriLiteHead', frozen_stages=3, final_norm=False, **kwargs)


def test_a_frozen_backbone_stays_in_evaluation_and_keeps_no_graph():
    model = frozen(drop_path_rate=0.5)
    model.train()
    assert not any(module.training for module in model.backbone.modules())
    assert model.head.training
    feats = model.extract_feat(make_images('deit'))
    assert not feats.patches.requires_grad
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    _, gradients = training_step(model, make_images('deit'))
    assert gradients
    assert all(name.startswith('head.') for name in gradients)
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.state_dict().items())


def test_blocks_that_are_frozen_stay_in_evaluation():
    backbone = TSCAMDeiT(
        arch=dict(embed_dims=20, num_layers=3, num_heads=2, feedforward_channels=28),
        img_size=32, patch_size=8, frozen_stages=2, drop_path_rate=0.5,
    )  # fmt: skip
    assert backbone.train() is backbone
    assert backbone.training
    assert [layer.training for layer in backbone.layers] == [False, False, True]
    feats = backbone(torch.randn(2, 3, 32, 32))
    assert feats.attention is None
    feats.patches.sum().backward()
    assert backbone.layers[2].attn.qkv.weight.grad is not None
    assert backbone.layers[1].attn.qkv.weight.grad is None


def test_tokens_before_the_final_norm(tmp_path):
    """A file with a final norm, and DINOv2's token for masked patches, loads without them."""
    from mmtscam.models.checkpoints import load_pretrained

    plain, model = build_model('deit'), frozen()
    assert 'ln1.weight' not in model.backbone.state_dict()
    torch.save({**plain.backbone.state_dict(), 'mask_token': torch.zeros(1, 20)}, tmp_path / 'dino.pth')
    load_pretrained(model.backbone, str(tmp_path / 'dino.pth'))
    images, seen = make_images('deit'), []
    plain.backbone.ln1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    plain.backbone(images)
    feats = model.backbone(images)
    torch.testing.assert_close(feats.token, seen[0][:, 0])
    torch.testing.assert_close(feats.patches.flatten(2), seen[0][:, 1:].mT)
