import math
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmtscam.models.heads.spa_head import restricted_activation_loss
from mmtscam.registry import MODELS


def build(**kwargs):
    settings = dict(num_classes=6, in_channels=8, hidden_channels=(7,), start=0, threshold=0.2)
    head = MODELS.build(dict(type='SPAHead', **{**settings, **kwargs}))
    head.init_weights()
    torch.nn.init.normal_(head.classifier[-1].weight)  # so that classes vary
    return head


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """No message of another run."""
    monkeypatch.setattr(MessageHub, '_instance_dict', OrderedDict())
    return MessageHub.get_instance('spa')


@pytest.fixture
def feats():
    return (torch.randn(2, 8, 5, 4),)


def parts_by_hand(maps, low, gap):
    """1 on the object, -1 in the background and 0 in between, pixel by pixel."""
    parts = torch.zeros(maps.shape[0], *maps.shape[2:])
    for image, part in zip(maps.tolist(), parts, strict=True):
        variance = torch.zeros(part.shape)
        for y in range(part.shape[0]):
            for x in range(part.shape[1]):
                powers = [math.exp(one_class[y][x]) for one_class in image]
                shares = [power / sum(powers) for power in powers]
                mean = sum(shares) / len(shares)
                variance[y, x] = sum((share - mean) ** 2 for share in shares) / (len(shares) - 1)
        scaled = (variance - variance.min()) / (variance.max() - variance.min())
        part[scaled < low] = -1
        part[scaled > low + gap] = 1
    return parts


def loss_by_hand(maps, labels, low, gap):
    parts = parts_by_hand(maps, low, gap)
    terms = []
    for image, label, part in zip(maps, labels, parts, strict=True):
        activation = 1 / (1 + torch.exp(-image[label]))
        terms += [*activation[part == -1], *(1 - activation[part == 1])]
    return sum(terms) / parts.numel()


@pytest.mark.parametrize(('low', 'gap'), [(0.1, 0.2), (0.4, 0.1), (0.0, 0.0)])
def test_restricted_activation_and_its_gradient(low, gap):
    maps, labels = 2 * torch.randn(3, 6, 5, 4), torch.tensor([1, 5, 0])
    parts = parts_by_hand(maps, low, gap)
    assert set(parts.unique().tolist()) == ({0, 1} if low == 0 else {-1, 0, 1})
    ours, theirs = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    loss, expected = (
        restricted_activation_loss(ours, labels, low, gap),
        loss_by_hand(theirs, labels.tolist(), low, gap),
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    # Up on the object, down in the background; other classes' maps get nothing.
    for index, label in enumerate(labels.tolist()):
        assert torch.equal(ours.grad[index, label].sign(), -parts[index])
        assert not bool(ours.grad[index, torch.arange(6) != label].any())


def test_flat_maps_are_background():
    """Their variance has no range."""
    loss = restricted_activation_loss(torch.zeros(1, 6, 3, 3), torch.tensor([2]), 0.1, 0.2)
    assert loss.item() == 0.5


def test_losses_and_gradients_of_the_head(feats):
    head = build(weight=0.3, low=0.2, gap=0.1)
    conv, last = head.classifier[0], head.classifier[-1]
    losses = head.loss(feats, make_samples(1, 5))
    hidden = F.relu(F.conv2d(feats[0], conv.weight, conv.bias, padding=1))
    maps = F.conv2d(hidden, last.weight, last.bias)
    expected = dict(
        loss_cls=F.cross_entropy(maps.mean(dim=(2, 3)), torch.tensor([1, 5])),
        loss_ra=0.3 * loss_by_hand(maps, (1, 5), 0.2, 0.1),
    )
    assert losses.keys() == expected.keys()
    assert losses['loss_ra'] > 0.01
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    ours = torch.autograd.grad(sum(losses.values()), list(head.parameters()))
    by_hand = torch.autograd.grad(sum(expected.values()), list(head.parameters()))
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_autocast_rounds_no_variance(feats):
    head, labels = build(hidden_channels=()), torch.tensor([1, 5])
    with torch.autocast('cpu', torch.bfloat16):
        loss = head.extra_losses(feats[0], make_samples(1, 5))['loss_ra']
        maps = head.classifier[-1](feats[0])
    assert maps.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, 0.5 * restricted_activation_loss(maps.float(), labels, 0.1, 0.2))


def test_the_loss_begins_with_its_epoch(feats, hub):
    head = build(start=2)
    on = {}
    for epoch in (None, 0, 1, 2, 3):
        if epoch is not None:
            hub.update_info('epoch', epoch)
        losses = head.loss(feats, make_samples(1, 5))
        sum(losses.values()).backward()
        on[epoch] = losses['loss_ra'].item() > 0
    assert on == {None: False, 0: False, 1: False, 2: True, 3: True}


class SeenLosses(Hook):
    def __init__(self):
        self.seen = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.seen.append((runner.epoch, outputs['loss_ra'].item() > 0))


def test_a_run_tells_the_epoch(tmp_path):
    backbone = dict(type='mmpretrain.VGG', depth=11, num_stages=1, dilations=(1,), out_indices=(0,))
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=backbone,
            head=dict(type='SPAHead', num_classes=6, in_channels=64, hidden_channels=(), start=1),
        )
    )
    items = [dict(inputs=torch.randn(3, 8, 8), data_samples=make_samples(label)[0]) for label in range(4)]
    hook = SeenLosses()
    runner = Runner(
        model=model,
        work_dir=str(tmp_path),
        experiment_name=tmp_path.name,
        train_dataloader=dict(
            batch_size=2,
            dataset=items,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01)),
        custom_hooks=[hook],
        default_scope='mmtscam',
        log_level='ERROR',
    )
    runner.train()
    assert hook.seen == [(0, False), (0, False), (1, True), (1, True), (2, True), (2, True)]


@pytest.mark.parametrize('start', [0, 9])
def test_soft_labels_are_refused(feats, start):
    samples = [sample.set_gt_score(torch.rand(6).softmax(0)) for sample in make_samples(1, 5)]
    head = build(start=start, loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True))
    with pytest.raises(ValueError, match='SPAHead needs one true class an image: leave batch augmentations'):
        head.loss(feats, samples)


@pytest.mark.parametrize('kwargs', [dict(low=-0.1), dict(gap=-0.1), dict(low=0.7, gap=0.3)])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='low and gap must be at least 0 and together below 1, got'):
        build(**kwargs)
