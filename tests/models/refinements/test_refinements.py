"""Refined maps in heads of CAM and TS-CAM."""

import copy

import pytest
import torch
from loc_samples import make_samples
from tscam_models import build_model, make_images

from mmtscam.localization import correlate_maps, enhance_maps, self_correlation
from mmtscam.models import BaseRefinement
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind

SEM = dict(type='SelfEnhancement', share=0.25)
SCG = dict(type='SelfCorrelation', levels=(0, 1))


def build(refine, **kwargs):
    head = MODELS.build(
        dict(type='CAMHead', num_classes=6, in_channels=8, hidden_channels=(7,), topk=3, refine=refine, **kwargs)
    )
    torch.manual_seed(0)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head.eval()


@pytest.fixture
def feats():
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.rand(2, channels, 5, 4, generator=generator) for channels in (4, 8))


@pytest.mark.parametrize('refine', [SEM, SCG], ids=['SEM', 'SPA'])
def test_the_refined_map_localises_and_the_others_stay(feats, refine):
    head, plain = build(refine), build(None)
    assert list(head.state_dict()) == list(plain.state_dict())
    name = {'SelfEnhancement': 'enhanced', 'SelfCorrelation': 'correlated'}[refine['type']]
    assert [kind.name for kind in head.map_kinds] == [name, 'semantic']
    assert [kind.name for kind in type(head).map_kinds] == ['semantic']
    pairs = zip(head.predict(feats, make_samples(1, 5)), plain.predict(feats, make_samples(1, 5)), strict=True)
    for index, (ours, theirs) in enumerate(pairs):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        torch.testing.assert_close(ours.class_maps.semantic, theirs.class_maps.maps)
        source = theirs.class_maps.maps.unsqueeze(0)
        if name == 'enhanced':
            expected = enhance_maps(head.prepare(feats)[index : index + 1], source, 0.25)
        else:
            levels = [self_correlation(each[index : index + 1], 0.1, 0.5, 2.0) for each in feats]
            expected = correlate_maps(sum(levels), source, 0.1, 0.05)
        torch.testing.assert_close(ours.class_maps.maps, expected[0])
        assert not torch.allclose(ours.class_maps.maps, ours.class_maps.semantic)


def test_a_batch_in_parts_is_the_whole(feats):
    many = tuple(torch.rand(9, *each.shape[1:]) for each in feats)
    maps = torch.rand(9, 2, 5, 4)
    found = MODELS.build(SCG)(many, maps)
    for index in range(9):
        levels = [self_correlation(each[index : index + 1], 0.1, 0.5, 2.0) for each in many]
        torch.testing.assert_close(found[index], correlate_maps(sum(levels), maps[index : index + 1], 0.1, 0.05)[0])


def test_another_kind_can_localise_all_the_same(feats):
    head = build(SEM, map_kind='semantic')
    sample = head.predict(feats, make_samples(1, 5))[0]
    assert sample.class_maps.map_kind == 'semantic'
    torch.testing.assert_close(sample.class_maps.maps, sample.class_maps.semantic)


@pytest.mark.parametrize('of', ['coupled', 'semantic', 'attention'])
def test_any_map_of_tokens(of):
    model = build_model()
    model.head.refine = MODELS.build(dict(SEM, map_kind=of))
    kinds = type(model.head).map_kinds
    own = {kind.name: kind for kind in kinds}[of]
    model.head.map_kinds = (MapKind('enhanced', 'self-enhancement map', own.class_agnostic), *kinds)
    images = make_images('deit')
    model.eval()
    sample = model(images, make_samples(0, 1), mode='predict')[0]
    feats = model.extract_feat(images)
    expected = enhance_maps(feats.patches[:1], sample.class_maps[of].unsqueeze(0), 0.25)
    torch.testing.assert_close(sample.class_maps.enhanced, expected[0])


def test_a_config_of_tscam():
    config = dict(type='TSCAMHead', num_classes=4, in_channels=6)
    agnostic = MODELS.build(dict(config, refine=dict(SEM, map_kind='attention')))
    assert agnostic.map_kinds[0] == MapKind('enhanced', 'self-enhancement map', True)
    assert MODELS.build(dict(config, refine=SCG)).map_kinds[0] == MapKind('correlated', 'self-correlation map', False)


def test_training_takes_no_notice(feats):
    losses = [build(refine).train().loss(feats, make_samples(1, 5))['loss'] for refine in (None, SEM, SCG)]
    assert losses[0] == losses[1] == losses[2]


@pytest.mark.parametrize(
    ('refine', 'message'),
    [
        (dict(SEM, share=0), 'share must be in'),
        (dict(SEM, map_kind='coupled'), "refine.map_kind must be one of semantic, got 'coupled'"),
        (dict(SCG, levels=()), 'levels must be whole numbers, one at least, got'),
        (dict(SCG, levels='0'), 'levels must be whole numbers'),
        ('SelfEnhancement', 'refine must be a config such as .*set model.head.refine.type'),
        (dict(type='CAMHead'), "refine must be a BaseRefinement such as .*, got 'CAMHead'"),
        (dict(type='Sem'), "refine must be a BaseRefinement such as .*, got 'Sem'"),
        (dict(SCG, share=1), 'model.head.refine: .*share'),
        (dict(SCG, low=0.5), 'low not above high'),
    ],
)
def test_what_does_not_suit_is_refused(refine, message):
    with pytest.raises(ValueError, match=message):
        build(refine)


def test_levels_that_are_not_there_or_of_another_size(feats):
    with pytest.raises(ValueError, match='no level 5 among the 3 feature maps'):
        build(dict(SCG, levels=(5,))).predict(feats, make_samples(1, 5))
    shallow = torch.rand(2, 4, 10, 8)
    with pytest.raises(ValueError, match='level 0 is 10x8 and the maps are 5x4'):
        build(SCG).predict((shallow, feats[1]), make_samples(1, 5))


def test_a_part_of_ones_own(feats):
    class Inverted(BaseRefinement):
        name, title = 'inverted', 'inverted map'

        def forward(self, features, maps):
            return -maps

    head = copy.deepcopy(build(None))
    head.refine = Inverted()
    head.map_kinds = (MapKind('inverted', 'inverted map'), *head.map_kinds)
    maps = head.all_maps(feats, head.prepare(feats))
    torch.testing.assert_close(maps['inverted'], -maps['semantic'])


def test_one_level_is_named_by_a_number(feats):
    found = [build(dict(SCG, levels=levels)).predict(feats, make_samples(1, 5))[0] for levels in (1, (1,))]
    torch.testing.assert_close(found[0].class_maps.maps, found[1].class_maps.maps)
