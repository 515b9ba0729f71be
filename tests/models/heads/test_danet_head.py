import math
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from tscam_models import WatchShapes

from mmtscam.localization import enhance_maps
from mmtscam.models.heads import danet_head
from mmtscam.models.heads.danet_head import cosine_penalty, draw_half
from mmtscam.registry import MODELS

CPU = torch.device('cpu')
ROOTS, PARENTS = [0, 1, 0, 0, 1, 1], [2, 1, 0, 2, 1, 3]
SIZES = ((6, 8), (3, 4), (3, 3))
K = 4


def build(**kwargs):
    settings = dict(
        num_classes=6,
        in_channels=(4, 5, 8),
        hierarchy=[ROOTS, PARENTS],
        hidden_channels=(3, 6, 7),
        num_maps=K,
        topk=2,
        threshold=0.2,
    )
    head = MODELS.build(dict(type='DANetHead', **{**settings, **kwargs}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """No message of another run."""
    monkeypatch.setattr(MessageHub, '_instance_dict', OrderedDict())
    return MessageHub.get_instance('danet')


@pytest.fixture
def feats():
    """Three levels, after an earlier feature map."""
    sizes = zip((2, 4, 5, 8), ((6, 8), *SIZES), strict=True)
    return tuple(torch.rand(2, channels, *size) for channels, size in sizes)


def levels_by_hand(head, feats):
    """The maps ``(B, groups, K, h, w)`` of each level, by plain convolutions."""
    levels = []
    for level, x in zip((*head.coarse_classifiers, head.classifier), feats[-3:], strict=True):
        first, second, last = (module for module in level if isinstance(module, torch.nn.Conv2d))
        x = F.relu(F.conv2d(x, first.weight, first.bias, padding=1))
        x = F.relu(F.conv2d(x, second.weight, second.bias, padding=1))
        x = F.conv2d(x, last.weight, last.bias)
        levels.append(torch.stack([x[:, i : i + K] for i in range(0, x.shape[1], K)], dim=1))
    return levels


def map_by_hand(levels, image, label):
    total = 0
    for level, group in zip(levels, (ROOTS[label], PARENTS[label], label), strict=True):
        one = sum(level[image, group, k].clamp(min=0) for k in range(K)) / K
        total = total + F.interpolate(one[None, None], SIZES[0], mode='bilinear', align_corners=False)[0, 0]
    return total


def penalty_by_hand(maps, reduction):
    values = []
    for image in maps:
        cosines = []
        for i, one in enumerate(image):
            for other in image[i + 1 :]:
                product, squares = (one * other).sum(), (one * one).sum() * (other * other).sum()
                cosines.append(product / torch.sqrt(squares + 1e-8))
        pairs = len(image) * (len(image) - 1) / 2
        values.append(abs(sum(cosines)) / pairs if reduction == 'abs_sum' else sum(map(abs, cosines)) / pairs)
    return sum(values) / len(values)


def losses_by_hand(head, feats, labels, drawn, reduction='abs_sum', weight=0.01):
    levels = levels_by_hand(head, feats)
    paths = [(ROOTS[label], PARENTS[label], label) for label in labels]
    root, parent, child = (
        F.cross_entropy(level.mean(dim=(2, 3, 4)), torch.tensor(groups)) / 2
        for level, groups in zip(levels, zip(*paths, strict=True), strict=True)
    )
    images = []
    for image, path in enumerate(paths):
        maps = [level[image, group] for level, group in zip(levels, path, strict=True)]
        maps = [F.interpolate(each[None], SIZES[0], mode='bilinear', align_corners=True)[0] for each in maps]
        images.append(torch.cat(maps)[drawn])
    return dict(
        loss_cls=child,
        loss_parent=parent,
        loss_root=root,
        loss_cos=weight * penalty_by_hand(torch.stack(images), reduction),
    )


@pytest.mark.parametrize('reduction', ['abs_sum', 'sum_abs'])
def test_penalty_and_its_gradient(reduction):
    maps = torch.randn(3, 5, 4, 3)
    ours, theirs = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    penalty, expected = cosine_penalty(ours, reduction), penalty_by_hand(theirs, reduction)
    torch.testing.assert_close(penalty, expected)
    penalty.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert bool(ours.grad.any())


def test_cosines_of_opposite_signs_cancel_in_the_sum_alone():
    one = torch.rand(1, 1, 3, 3) + 1
    maps = torch.cat([one, 2 * one, -one, -3 * one], dim=1)  # cosines: 2 of 1, 4 of -1
    assert cosine_penalty(maps, 'abs_sum').item() == pytest.approx(2 / 6)
    assert cosine_penalty(maps, 'sum_abs').item() == pytest.approx(1)


def test_maps_of_nothing_give_no_nan():
    maps = torch.zeros(2, 3, 4, 4, requires_grad=True)
    penalty = cosine_penalty(maps, 'abs_sum')
    penalty.backward()
    assert penalty.item() == 0
    assert not bool(maps.grad.any())


def test_autocast_rounds_no_cosine():
    maps = torch.randn(2, 6, 5, 5)
    with torch.autocast('cpu', torch.bfloat16):
        penalty = cosine_penalty(maps.bfloat16(), 'sum_abs')
    assert penalty.dtype == torch.float32
    torch.testing.assert_close(penalty, cosine_penalty(maps.bfloat16().float(), 'sum_abs'))


@pytest.mark.parametrize('reduction', ['abs_sum', 'sum_abs'])
def test_losses_and_gradients(feats, hub, reduction):
    hub.update_info_dict(dict(seed=5, iter=7))
    head = build(cos_weight=0.3, reduction=reduction)
    drawn = torch.randperm(3 * K, generator=torch.Generator().manual_seed(12))[:6]
    losses = head.loss(feats, make_samples(3, 5))
    expected = losses_by_hand(head, feats, (3, 5), drawn, reduction, 0.3)
    assert list(losses) == ['loss_cls', 'loss_parent', 'loss_root', 'loss_cos']
    for name, value in expected.items():
        assert value > 0.01, name
        torch.testing.assert_close(losses[name], value)
    ours = torch.autograd.grad(sum(losses.values()), list(head.parameters()))
    by_hand = torch.autograd.grad(sum(expected.values()), list(head.parameters()))
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_defaults_are_the_authors(feats):
    head = build(num_maps=8)
    assert (head.cos_weight, head.reduction, head.loss_module.loss_weight) == (0.01, 'abs_sum', 0.5)
    assert draw_half(3 * 8, CPU).shape == (12,)
    widths = MODELS.build(dict(type='DANetHead', num_classes=2, in_channels=(4, 5, 6), hierarchy=[[0, 0], [0, 1]]))
    assert [level[-1].weight.shape[:2] for level in widths._levels] == [(8, 512), (16, 1024), (16, 1024)]


@pytest.mark.parametrize('labels', [None, [[4, 0, 4], [2, 5, 1]]])
def test_logits_and_maps(feats, labels):
    head = build().eval()
    prepared, levels = head.prepare(feats), levels_by_hand(head, feats)
    torch.testing.assert_close(head.logits(prepared), levels[2].mean(dim=(2, 3, 4)))
    maps = head.maps(prepared, None if labels is None else torch.tensor(labels))['semantic']
    for image, asked in enumerate(labels or 2 * [range(6)]):
        expected = torch.stack([map_by_hand(levels, image, label) for label in asked])
        torch.testing.assert_close(maps[image], expected)
    assert all(bool((level < 0).any()) for level in levels)  # so that the ReLU is seen


def test_prediction_makes_the_asked_maps_alone(feats):
    head = build().eval()
    with WatchShapes() as watch:
        samples = head.predict(feats, make_samples(3, 5))
    levels = levels_by_hand(head, feats)
    for image, sample in enumerate(samples):
        for label, one in zip(sample.class_maps.labels.tolist(), sample.class_maps.maps, strict=True):
            torch.testing.assert_close(one, map_by_hand(levels, image, label))
    assert watch.with_shape((2, 3 * K, *SIZES[2]))  # two best classes and the true one
    assert not watch.with_shape((2, 6 * K, *SIZES[2]))


def test_autocast_rounds_no_map(feats):
    head = build().eval()
    with torch.autocast('cpu', torch.bfloat16):
        prepared = head.prepare(feats)
        logits, maps = head.logits(prepared), head.maps(prepared, torch.tensor([[0], [1]]))['semantic']
    assert prepared[0].dtype == torch.bfloat16
    exact = tuple(each.float() for each in prepared)
    torch.testing.assert_close(logits, head.logits(exact))
    torch.testing.assert_close(maps, head.maps(exact, torch.tensor([[0], [1]]))['semantic'])


def test_dropout_is_for_training(feats):
    head, plain = build(dropout=0.5), build()
    plain.load_state_dict(dict(zip(plain.state_dict(), head.state_dict().values(), strict=True)))
    assert not torch.equal(head.train()(feats), plain(feats))
    assert torch.equal(head.eval()(feats), plain(feats))


def test_draws():
    """Half of all, without repetition; all of them are drawn in time."""
    hub = MessageHub.get_current_instance()
    assert torch.equal(draw_half(9, CPU), torch.randperm(9, generator=torch.Generator().manual_seed(0))[:4])
    drawn = {}
    for iteration in range(20):
        hub.update_info('iter', iteration)
        torch.manual_seed(iteration)  # which does not matter
        drawn[iteration] = draw_half(9, CPU).tolist()
        assert len({*drawn[iteration]}) == 4
    assert {place for each in drawn.values() for place in each} == {*range(9)}
    hub.update_info('iter', 3)
    assert draw_half(9, CPU).tolist() == drawn[3]
    hub.update_info('seed', 100)
    assert draw_half(9, CPU).tolist() != drawn[3]


def run(folder, epochs, resume=False):
    """The draws of a short training."""
    drawn = []

    def watched(number, device):
        drawn.append(draw_half(number, device).tolist())
        return torch.tensor(drawn[-1])

    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(
                type='mmpretrain.VGG', depth=11, num_stages=3, dilations=(1, 1, 1), out_indices=(0, 1, 2)
            ),
            head=dict(
                type='DANetHead',
                num_classes=6,
                in_channels=(64, 128, 256),
                hierarchy=[ROOTS, PARENTS],
                hidden_channels=(3, 3, 3),
            ),
        )
    )  # fmt: skip
    items = [dict(inputs=torch.randn(3, 16, 16), data_samples=make_samples(label)[0]) for label in range(4)]
    runner = Runner(
        model=model,
        work_dir=str(folder),
        experiment_name=f'{folder.name}-{epochs}-{resume}',
        train_dataloader=dict(
            batch_size=2,
            dataset=items,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.001)),
        randomness=dict(seed=26),
        default_scope='mmtscam',
        log_level='ERROR',
        resume=resume,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(danet_head, 'draw_half', watched)
        runner.train()
    return drawn


@pytest.mark.slow
def test_a_resumed_run_draws_the_same(tmp_path):
    whole = run(tmp_path / 'whole', 2)
    assert len({tuple(each) for each in whole}) == 4
    assert run(tmp_path / 'parts', 1) + run(tmp_path / 'parts', 2, resume=True) == whole


def test_self_enhancement(feats):
    """Positions are compared by the features that the classes are told from, at the maps' size."""
    head = build(refine=dict(type='SelfEnhancement', share=0.25)).eval()
    sample = head.predict(feats, make_samples(3, 5))[0]
    hidden = F.interpolate(head.prepare(feats)[-1], SIZES[0], mode='bilinear', align_corners=False)
    expected = enhance_maps(hidden[:1], sample.class_maps.semantic.unsqueeze(0), 0.25)[0]
    torch.testing.assert_close(sample.class_maps.maps, expected)


def test_self_correlation_has_all_levels(feats):
    head = build(refine=dict(type='SelfCorrelation', levels=(1, 2, 3, 4))).eval()
    sample = head.predict(feats, make_samples(3, 5))[0]
    assert sample.class_maps.maps.shape == (3, *SIZES[0])
    assert bool(sample.class_maps.maps.any())


def test_soft_labels_are_refused(feats):
    samples = [sample.set_gt_score(torch.rand(6).softmax(0)) for sample in make_samples(1, 5)]
    head = build(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True))
    with pytest.raises(ValueError, match='DANetHead needs one true class an image: leave batch augmentations'):
        head.loss(feats, samples)


def test_a_backbone_with_too_few_levels(feats):
    with pytest.raises(ValueError, match='DANetHead works on 3 feature maps'):
        build().prepare(feats[2:])


@pytest.mark.parametrize(
    ('hierarchy', 'message'),
    [
        ([ROOTS], r'each of the 6 classes, got 1 of length 6'),
        ([ROOTS, PARENTS[:5]], r'got 2 of length 6, 5'),
        ([[0, 2, 0, 0, 2, 2], PARENTS], r'number the roots from 0 without gaps; there is no 1'),
        ([ROOTS, [3, 2, 1, 3, 2, 4]], r'number the parents from 0 without gaps; there is no 0'),
        ([[0, 1, 0, 1, 1, 1], PARENTS], r'parent 2 lies in root 0 and, by class 3, in root 1: split the parent, or'),
    ],
)
def test_what_is_no_tree(hierarchy, message):
    with pytest.raises(ValueError, match=f'hierarchy.*{message}'):
        build(hierarchy=hierarchy)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(in_channels=(4, 8)), 'in_channels must name the channels of three levels'),
        (dict(hidden_channels=(4,)), 'hidden_channels must name the channels of three levels'),
        (dict(in_channels=8), 'in_channels must name the channels of three levels'),
        (dict(num_maps=1), 'num_maps must be at least 2'),
        (dict(num_maps=8.0), 'num_maps must be at least 2'),
        (dict(hierarchy=None), 'hierarchy must be two sequences of whole numbers'),
        (dict(hierarchy=[1, 2]), 'hierarchy must be two sequences of whole numbers'),
        (dict(hierarchy=[ROOTS, [2.0, 1, 0, 2, 1, 3]]), 'hierarchy must be two sequences of whole numbers'),
        (dict(reduction='mean'), "reduction must be one of abs_sum, sum_abs, got 'mean'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_channels_of_any_level(feats):
    head = build(in_channels=(4, 7, 8))
    with pytest.raises(ValueError, match=r'gives \(4, 5, 8\) channels .* set model\.head\.in_channels=\(4, 5, 8\)'):
        head(feats)


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, num_classes=6),
        dict(type='mmpretrain.CrossEntropyLoss', class_weight=[1.0, 2.0, 1.0, 1.0, 1.0, 1.0]),
    ],
    ids=['smooth', 'weights'],
)
def test_other_losses(feats, loss):
    """Levels have other numbers of groups."""
    losses = build(loss=loss).loss(feats, make_samples(1, 4))
    assert all(losses[name] > 0 for name in ('loss_cls', 'loss_parent', 'loss_root'))


def test_weights_start_as_those_of_cam():
    head = build(hidden_channels=(32, 32, 32))
    head.init_weights()
    for level in head._levels:
        for conv in (level[0], level[2]):
            assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 32)), rel=0.1)
        assert level[-1].weight.std().item() == pytest.approx(0.01, rel=0.2)
