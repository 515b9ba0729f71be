"""Heads of a user's that declare or return something else: one message that names the head and what is wrong."""

import re

import numpy as np
import pytest
import torch
from loc_samples import make_samples
from torch import nn

from mmtscam.models.heads import BaseLocHead
from mmtscam.structures import LocDataSample, MapKind

KINDS = (MapKind('own', 'own map'), MapKind('mean', 'mean of all', class_agnostic=True))


class Head(BaseLocHead):
    """Its features are the maps themselves."""

    map_kinds = KINDS

    def logits(self, feats):
        return feats.mean(dim=(2, 3))

    def maps(self, feats, labels=None):
        chosen = feats if labels is None else torch.take_along_dim(feats, labels[..., None, None], dim=1)
        return dict(own=chosen, mean=feats.mean(dim=1))


def head_with(**changes):
    return type('Odd', (Head,), changes)


@pytest.fixture
def feats():
    return torch.randn(2, 4, 6, 6)


def no_base(self, num_classes):
    self.num_classes = num_classes


def nothing_at_all(self, num_classes):
    pass


def base_too_late(self, num_classes):
    self.layer = nn.Linear(2, 2)
    BaseLocHead.__init__(self, num_classes)


def base_of_the_module(self, num_classes):
    nn.Module.__init__(self)
    self.layer = nn.Linear(2, 2)


@pytest.mark.parametrize('init', [no_base, nothing_at_all, base_too_late, base_of_the_module])
def test_a_constructor_that_forgets_its_base(init):
    with pytest.raises(ValueError, match=r'^Odd\.__init__ must call super\(\)\.__init__\(num_classes, \.\.\.\) before'):
        head_with(__init__=init)(4)


def test_other_errors_of_a_constructor_stay():
    def broken(self, num_classes):
        raise AttributeError('mine')

    with pytest.raises(AttributeError, match=r'^mine$'):
        head_with(__init__=broken)(4)


@pytest.mark.parametrize(
    ('kinds', 'got'),
    [
        (('own', 'mean'), "('own', 'mean')"),
        ('own', "'own'"),
        (KINDS[0], "MapKind(name='own', title='own map', class_agnostic=False)"),
        ((KINDS[0], 'mean'), "'mean'"),
        ((('own', 'own map'),), "(('own', 'own map'),)"),
        (3, '3'),
    ],
)
@pytest.mark.parametrize('settings', [{}, dict(refine=dict(type='SelfEnhancement'))])
def test_kinds_that_are_none(kinds, got, settings):
    with pytest.raises(
        ValueError, match=r"^Odd must declare its kinds of map: map_kinds = \(MapKind\('name'"
    ) as caught:
        head_with(map_kinds=kinds)(4, **settings)
    assert got in str(caught.value)


def test_kinds_in_a_list_and_a_title_that_is_no_text(feats):
    assert head_with(map_kinds=list(KINDS))(4).predict(feats)[0].class_maps.map_kind == 'own'
    with pytest.raises(ValueError, match="title of 'own' must be text, got 3"):
        head_with(map_kinds=(MapKind('own', 3),))(4)


@pytest.mark.parametrize(
    ('logits', 'got'),
    [
        (torch.zeros(2, 5), r'(2, 5)'),
        (torch.zeros(2, 3), r'(2, 3)'),
        (torch.zeros(2, 4, 1), r'(2, 4, 1)'),
        (torch.zeros(4), '(4,)'),
        (None, 'NoneType'),
        ((torch.zeros(2, 4),), 'tuple'),
        (np.zeros((2, 4)), 'ndarray'),
    ],
)
def test_logits_of_another_shape(feats, logits, got):
    head = head_with(logits=lambda self, feats: logits)(4)
    with pytest.raises(ValueError, match=r'^Odd\.logits must give \(B, 4\)') as caught:
        head.predict(feats)
    assert str(caught.value).endswith(f'for each of num_classes=4, got {got}')
    with pytest.raises(ValueError, match=r'^Odd\.logits must give \(2, 4\)'):
        head.predict(feats, make_samples(0, 1))
    with pytest.raises(ValueError, match=r'^Odd\.logits must give \(B, 4\)'):
        head.loss(feats, make_samples(0, 1))


def test_logits_of_another_batch(feats):
    with pytest.raises(ValueError, match=r'^Head\.logits must give \(3, 4\).*got \(2, 4\)$'):
        Head(4).predict(feats, make_samples(0, 1, 2))


@pytest.mark.parametrize(
    ('maps', 'message'),
    [
        (None, 'must give a dict of the name of each kind to its maps, got NoneType'),
        (torch.zeros(2, 4, 6, 6), 'must give a dict of the name of each kind to its maps, got Tensor'),
        (dict(own=None, mean=torch.zeros(2, 6, 6)), ": 'own' must be a tensor, got NoneType"),
        ({KINDS[0]: None, 'mean': None}, 'gives MapKind'),
        ({3: None}, 'gives 3, but map_kinds declares own, mean'),
        (dict(own=torch.zeros(2, 4, 1, 1), mean=torch.zeros(2, 6, 6)), ': a map of 1x1 positions cannot tell where'),
        (dict(own=torch.zeros(2, 4, 0, 3), mean=torch.zeros(2, 6, 6)), ': a map of 0x3 positions cannot tell where'),
    ],
)
@pytest.mark.parametrize('settings', [{}, dict(refine=dict(type='SelfEnhancement'))])
def test_maps_that_are_none(feats, maps, message, settings):
    head = head_with(
        maps=lambda self, feats, labels=None: maps, compared_features=lambda self, feats, prepared: (feats,)
    )(4, **settings)
    with pytest.raises(ValueError, match='^' + re.escape(f'Odd.maps{"" if message[0] == ":" else " "}{message}')):
        head.predict(feats)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('kind', ['own', 'mean'])
@pytest.mark.parametrize('draw', [True, False])
def test_maps_that_are_not_finite_name_the_image(feats, value, kind, draw):
    def maps(self, feats, labels=None):
        made = {name: each.clone() for name, each in Head.maps(self, feats, labels).items()}
        made[kind][1, ..., 3, 2] = value
        return made

    samples = [LocDataSample(metainfo=dict(img_path=f'{name}.jpg')) for name in 'ab']
    with pytest.raises(ValueError) as caught:
        list(head_with(maps=maps)(4).predict(feats, samples, draw=draw))
    assert str(caught.value).startswith(f"b.jpg: Odd.maps: '{kind}' holds NaN or infinity: the model has diverged, or")


def test_large_values_are_finite(feats):
    """Their sum is not, but they are."""
    feats = feats.clamp(-3, 3) * 1e38
    assert feats.isfinite().all() and not feats.abs().sum().isfinite()
    own = head_with(map_kinds=KINDS[:1], maps=lambda self, feats, labels=None: dict(own=feats))
    assert len(list(own(4, topk=4).predict(feats))) == 2
