"""The contract between a head and everything that works on maps."""

from dataclasses import replace

import pytest
import torch
from loc_samples import make_samples
from mmengine.registry import DefaultScope
from mmpretrain.models import ImageClassifier
from torch import nn

from mmtscam.localization import PROTOCOLS
from mmtscam.models import TokenFeatures
from mmtscam.models.heads import BaseLocHead, LocSettings, TSCAMHead
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind


class Head(BaseLocHead):
    """Its features are the maps themselves, and a map for all classes is their mean."""

    map_kinds = (MapKind('own', "this head's map"), MapKind('mean', 'mean of all', class_agnostic=True))

    def logits(self, feats):
        return feats.mean(dim=(2, 3))

    def maps(self, feats, labels=None):
        chosen = feats if labels is None else torch.stack([maps[row] for maps, row in zip(feats, labels, strict=True)])
        return dict(own=chosen, mean=feats.mean(dim=1))


@pytest.fixture
def feats():
    return torch.randn(2, 4, 6, 6)


def test_the_first_kind_localises(feats):
    head = Head(4, topk=2)
    for index, sample in enumerate(head.predict(feats, make_samples(0, 3))):
        maps = sample.class_maps
        assert (maps.map_kind, maps.threshold, maps.protocol) == ('own', 0.1, 'tscam')
        assert maps.map_kinds == Head.map_kinds
        assert torch.equal(maps.maps, maps.own)
        assert torch.equal(maps.own, feats[index, maps.labels])
        assert torch.equal(maps.mean, feats[index].mean(dim=0).expand(len(maps), -1, -1))


def test_what_is_drawn_is_a_value(feats):
    head = Head(4, topk=2)
    before = dict(vars(head))
    settings = head.settings_with(threshold=0.5, map_kind='mean', topk=3)
    assert settings == LocSettings(PROTOCOLS['tscam'].__class__(name='tscam', threshold=0.5), 'mean', 3)
    changed = list(head.predict(feats, make_samples(0, 3), settings))
    assert vars(head) == before
    for sample in changed:
        assert (sample.class_maps.map_kind, sample.class_maps.threshold) == ('mean', 0.5)
        assert torch.equal(sample.class_maps.maps, sample.class_maps.mean)
        # One map for all classes: one box for all of them.
        assert len(sample.pred_instances) == 3
        assert len(sample.pred_instances.bboxes.unique(dim=0)) == 1
    assert head.predict(feats)[0].class_maps.map_kind == 'own'


def test_another_protocol_keeps_the_threshold_that_it_leaves_open(feats):
    head = Head(4, threshold=0.3)
    assert head.settings_with(protocol='wsol-v1').protocol.threshold == 0.3
    assert head.settings_with(protocol='wsol-v1', threshold=0.2).protocol.threshold == 0.2
    assert head.settings_with(protocol=dict(base='tscam', threshold=0.7)).protocol.threshold == 0.7
    assert head.predict(feats, settings=head.settings_with(protocol='wsol-v1'))[0].class_maps.protocol == 'wsol-v1'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(map_kind='coupled'), "map_kind of Head must be one of own, mean, got 'coupled'"),
        (dict(topk=5), 'topk must be from 1 to the number of classes, 4, got 5'),
        (dict(topk=0), 'topk must be from 1'),
        (dict(protocol='union'), r"protocol 'union' leaves the threshold open.*\(of maximum instead of absolute"),
        (dict(threshold=1.0), r'threshold must be in \[0, 1\)'),
    ],
)
def test_settings_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        Head(4).settings_with(**changes)


def test_the_configs_kind_localises(feats):
    assert Head(4, map_kind='mean').predict(feats)[0].class_maps.map_kind == 'mean'
    with pytest.raises(ValueError, match='map_kind of Head must be one of own, mean'):
        Head(4, map_kind='semantic')


def declare(*kinds):
    return type('Odd', (Head,), dict(map_kinds=kinds))


@pytest.mark.parametrize(
    ('kinds', 'message'),
    [
        ((), 'Odd must declare its kinds of map: map_kinds = '),
        ((MapKind('labels', 'x'),), "Odd.map_kinds: 'labels' must be a word of its own"),
        ((MapKind('truth', 'x'),), "Odd.map_kinds: 'truth' must be a word of its own"),
        ((MapKind('predicted', 'x'),), "Odd.map_kinds: 'predicted' must be a word of its own"),
        ((MapKind('keys', 'x'),), "Odd.map_kinds: 'keys' is a method of InstanceData"),
        ((MapKind('../up', 'x'),), r"Odd.map_kinds: '\.\./up' must be a word"),
        ((MapKind('own', 'x'), MapKind('own', 'y')), "Odd.map_kinds: 'own' must be a word of its own"),
    ],
)
def test_kinds_that_cannot_be_told_apart(kinds, message):
    with pytest.raises(ValueError, match=message):
        declare(*kinds)(4)


@pytest.mark.parametrize(
    ('kinds', 'message'),
    [
        (
            (MapKind('own', 'x'), MapKind('calibrated', 'y')),
            "Odd.maps gives own, mean, but map_kinds declares own, calibrated: 'calibrated' is in one alone",
        ),
        (
            (MapKind('own', 'x'), MapKind('mean', 'y')),
            r"Odd.maps: 'mean' is a map a class and must be \(2, 4, h, w\), got \(2, 6, 6\)",
        ),
        (
            (MapKind('own', 'x', class_agnostic=True), MapKind('mean', 'y', class_agnostic=True)),
            r"Odd.maps: 'own' is a class-agnostic map and must be \(2, h, w\), got \(2, 4, 6, 6\)",
        ),
    ],
)
def test_maps_other_than_the_declared_ones(feats, kinds, message):
    with pytest.raises(ValueError, match=message):
        declare(*kinds)(4).predict(feats)


class ExtraLosses(Head):
    names = ('loss_area', 'loss_norm')

    def extra_losses(self, feats, data_samples):
        assert len(data_samples) == len(feats)
        return {name: feats.mean() * place for place, name in enumerate(self.names, 2)}


def test_named_losses_add_up(feats):
    feats.requires_grad_()
    plain, several = Head(4), ExtraLosses(4)
    samples = make_samples(0, 3)
    own = plain.loss(feats, samples)
    assert list(own) == ['loss']
    losses = several.loss(feats, samples)
    assert list(losses) == ['loss_cls', 'loss_area', 'loss_norm']
    assert torch.equal(losses['loss_cls'], own['loss'])
    model = ImageClassifier(
        backbone=dict(type='mmpretrain.ResNet', depth=18), data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor')
    )
    total, logged = model.parse_losses(losses)
    torch.testing.assert_close(total, own['loss'] + 5 * feats.mean())
    # The total is not hidden behind a part of its name.
    assert torch.equal(logged['loss'], total)


@pytest.mark.parametrize('name', ['area_loss', 'loss', 'loss_cls'])
def test_names_of_losses_that_would_not_add_up(feats, name):
    head = type('Odd', (ExtraLosses,), dict(names=(name,)))(4)
    with pytest.raises(ValueError, match=f'Odd.extra_losses: {name!r} must begin with loss_'):
        head.loss(feats, make_samples(0, 3))


def test_prepare_is_asked_once(feats):
    calls = []

    class Counting(Head):
        def prepare(self, feats):
            calls.append(None)
            return feats

    Counting(4).predict(feats)
    assert len(calls) == 1
    Counting(4).loss(feats, make_samples(0, 3))
    assert len(calls) == 2


class OneTensor(nn.Module):
    """Gives what mmpretrain's transformers give by default: a tuple of class tokens."""

    def forward(self, x):
        return (x.mean(dim=(2, 3)),)


@pytest.mark.parametrize('mode', ['loss', 'predict', 'tensor'])
@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (
            dict(type='TSCAMHead', num_classes=3, in_channels=3),
            r'TSCAMHead works on tokens, and the backbone, OneTensor, gives a tuple of one tensor of shape \(2, 3\): '
            'its forward must return mmtscam.models.TokenFeatures',
        ),
        (
            dict(type='CAMHead', num_classes=3, in_channels=3),
            r'CAMHead works on a feature map \(B, D, h, w\), and the backbone, OneTensor, gives a tuple of one',
        ),
        (
            dict(type='SPGHead', num_classes=3, in_channels=(3, 3)),
            'SPGHead works on 2 feature maps',
        ),
    ],
)
def test_a_backbone_that_does_not_suit_is_named(head, message, mode):
    with DefaultScope.overwrite_default_scope('mmtscam'):
        model = MODELS.build(
            dict(
                type='mmpretrain.ImageClassifier',
                backbone=dict(type='mmpretrain.ResNet', depth=18),
                head=head,
                data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            )
        )
    model.backbone = OneTensor()
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(2, 3, 8, 8), make_samples(0, 1), mode=mode)


def test_a_head_by_itself_names_no_backbone():
    with pytest.raises(ValueError, match='TSCAMHead works on tokens, and the backbone gives one tensor of shape'):
        TSCAMHead(3, 4)(torch.zeros(2, 4, 8, 8))


def test_tokens_of_another_width():
    feats = TokenFeatures(torch.zeros(2, 5, 2, 2), None, torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r'gives 5 channels and TSCAMHead expects 4: set model\.head\.in_channels=5'):
        TSCAMHead(3, 4)(feats)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [(dict(map_kind='coupled'), 'must be one of'), (dict(topk=99), 'topk must be from 1 to')],
)
def test_settings_made_by_hand_are_checked(feats, changes, message):
    head = Head(num_classes=3)
    with pytest.raises(ValueError, match=message):
        head.predict(feats, settings=replace(head.settings, **changes))


def test_maps_of_half_precision_become_whole(feats):
    class Half(Head):
        def maps(self, feats, labels=None):
            return {name: each.bfloat16() for name, each in super().maps(feats, labels).items()}

    (sample, *_) = Half(num_classes=4).predict(feats)
    assert sample.class_maps.maps.dtype == torch.float32


def test_an_unknown_setting_is_named():
    with pytest.raises(ValueError, match=r"TSCAMHead has no setting 'area': set model.head without it"):
        MODELS.build(dict(type='TSCAMHead', num_classes=6, in_channels=8, area=0.25))
