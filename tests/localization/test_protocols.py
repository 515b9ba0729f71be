import dataclasses
import json

import pytest
from mmengine.config import ConfigDict

from mmtscam.localization import PROTOCOLS, Protocol, get_protocol


def test_tscam_is_the_released_evaluation():
    assert dataclasses.asdict(PROTOCOLS['tscam']) == {
        'name': 'tscam',
        'threshold': 0.1,
        'absolute_threshold': False,
        'percentile': 100,
        'frame': (224, 224),
        'interpolation': 'bilinear',
        'normalize': True,
        'normalize_first': False,
        'epsilon': 0.0,
        'regions': 'contour',
        'clamp_boxes': False,
        'empty_box': (0, 0, 1, 1),
        'truncate_size': True,
        'divide_first': True,
        'clamp_truth': True,
        'iou_levels': (0.5,),
    }


def test_wsol_is_the_benchmark():
    assert dataclasses.asdict(PROTOCOLS['wsol-v1']) == {
        'name': 'wsol-v1',
        'threshold': None,
        'absolute_threshold': False,
        'percentile': 100,
        'frame': (224, 224),
        'interpolation': 'bicubic',
        'normalize': True,
        'normalize_first': False,
        'epsilon': 0.0,
        'regions': 'contour',
        'clamp_boxes': True,
        'empty_box': (0, 0, 0, 0),
        'truncate_size': False,
        'divide_first': False,
        'clamp_truth': False,
        'iou_levels': (0.5,),
    }


def test_the_two_wsol_protocols_differ_in_regions_and_levels_only():
    v1, v2 = (dataclasses.asdict(PROTOCOLS[name]) for name in ('wsol-v1', 'wsol-v2'))
    assert {key for key in v1 if v1[key] != v2[key]} == {'name', 'regions', 'iou_levels'}
    assert v2['regions'] == 'all_contours'
    assert v2['iou_levels'] == (0.3, 0.5, 0.7)


def _differences(name):
    """Fields in which a protocol differs from ``tscam``."""
    fields, tscam = (dataclasses.asdict(PROTOCOLS[each]) for each in (name, 'tscam'))
    return {key: fields[key] for key in fields if fields[key] != tscam[key]}


def test_sat_is_the_released_evaluation():
    assert _differences('sat') == {
        'name': 'sat',
        'threshold': 0.4,
        'absolute_threshold': True,
        'normalize_first': True,
        'epsilon': 1e-5,
        'regions': 'component',
        'empty_box': (0, 0, 224, 224),
        'truncate_size': False,
    }


def test_union_is_the_evaluation_of_danet():
    assert _differences('union') == {
        'name': 'union',
        'threshold': None,
        'absolute_threshold': True,
        'normalize_first': True,
        'regions': 'union',
        'empty_box': (0, 0, 0, 0),
        'truncate_size': False,
    }


def test_rcam_is_the_released_evaluation():
    assert _differences('rcam') == {
        'name': 'rcam',
        'threshold': 0.35,
        'percentile': 90,
        'interpolation': 'bicubic',
        'empty_box': (0, 0, 224, 224),
        'truncate_size': False,
    }


def test_every_protocol_stands_under_its_name():
    assert list(PROTOCOLS) == ['tscam', 'wsol-v1', 'wsol-v2', 'sat', 'union', 'rcam']
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())


def test_a_protocol_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS['tscam'].threshold = 0.5


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_get_by_name_and_by_value(name):
    assert get_protocol(name) is PROTOCOLS[name]
    assert get_protocol(PROTOCOLS[name]) is PROTOCOLS[name]
    assert get_protocol(dict(base=name)) is PROTOCOLS[name]


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_a_protocol_survives_json(name):
    assert (
        get_protocol({**json.loads(json.dumps(dataclasses.asdict(PROTOCOLS[name]))), 'base': 'tscam'})
        == (PROTOCOLS[name])
    )


def test_get_with_changes_leaves_the_original():
    changed = get_protocol('tscam', threshold=0.12, regions='all_contours')
    assert (changed.threshold, changed.regions) == (0.12, 'all_contours')
    assert (PROTOCOLS['tscam'].threshold, PROTOCOLS['tscam'].regions) == (0.1, 'contour')


def test_none_leaves_a_field_as_it_is():
    assert get_protocol('tscam', threshold=None) == PROTOCOLS['tscam']


def test_zero_is_a_threshold():
    assert get_protocol('tscam', threshold=0).threshold == 0


@pytest.mark.parametrize('mapping', [dict, ConfigDict])
def test_get_from_a_mapping(mapping):
    given = mapping(base='wsol-v2', threshold=0.2, iou_levels=[0.5], frame=[32, 16])
    protocol = get_protocol(given)
    assert protocol == dataclasses.replace(
        PROTOCOLS['wsol-v2'], name='wsol-v2-derived', threshold=0.2, iou_levels=(0.5,), frame=(32, 16)
    )
    assert given == mapping(base='wsol-v2', threshold=0.2, iou_levels=[0.5], frame=[32, 16])
    assert isinstance(hash(protocol), int)  # lists of the config have become tuples


def test_an_argument_beats_the_mapping():
    assert get_protocol(dict(base='tscam', threshold=0.2), threshold=0.3).threshold == 0.3
    assert get_protocol(dict(base='tscam', threshold=0.2), threshold=None).threshold == 0.2


def test_unknown_name_lists_the_choices():
    with pytest.raises(
        ValueError, match=r"unknown protocol 'cam': choose from tscam, wsol-v1, wsol-v2, sat, union, rcam"
    ):
        get_protocol('cam')
    with pytest.raises(ValueError, match="unknown protocol 'cam'"):
        get_protocol(dict(base='cam'))


@pytest.mark.parametrize(
    'get', [lambda: get_protocol('tscam', treshold=0.1), lambda: get_protocol(dict(base='tscam', treshold=0.1))]
)
def test_unknown_field_is_named(get):
    with pytest.raises(ValueError, match=r"unknown protocol field 'treshold': choose from .*threshold"):
        get()


@pytest.mark.parametrize('threshold', [-0.01, 1, 1.5, float('nan'), float('inf')])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match=r"protocol 'tscam': threshold must be in \[0, 1\)"):
        get_protocol('tscam', threshold=threshold)


@pytest.mark.parametrize(
    ('field', 'value', 'wanted'),
    [
        ('interpolation', 'nearest', "'bilinear' or 'bicubic'"),
        ('regions', 'largest', "'contour', 'all_contours', 'union' or 'component'"),
        ('regions', ['union'], "'contour', 'all_contours', 'union' or 'component'"),
        ('normalize', 'frame', 'True or False'),
        ('normalize_first', None, 'True or False'),
        ('absolute_threshold', 0.4, 'True or False'),
        ('clamp_boxes', 'yes', 'True or False'),
        ('percentile', 0, 'in (0, 100]'),
        ('percentile', 100.1, 'in (0, 100]'),
        ('percentile', float('nan'), 'in (0, 100]'),
        ('percentile', None, 'in (0, 100]'),
        ('percentile', '90', 'in (0, 100]'),
        ('epsilon', -1e-5, 'at least 0 and finite'),
        ('epsilon', float('inf'), 'at least 0 and finite'),
        ('epsilon', float('nan'), 'at least 0 and finite'),
    ],
)
def test_an_unknown_value_is_refused_with_the_choices(field, value, wanted):
    with pytest.raises(ValueError) as caught:
        Protocol(name='mine', **{field: value})
    assert str(caught.value) == f"protocol 'mine': {field} must be {wanted}, got {value!r}"


@pytest.mark.parametrize(
    'changes', [dict(base='sat', percentile=90), dict(base='rcam', absolute_threshold=True, threshold=0.5)]
)
def test_a_threshold_is_absolute_or_relative(changes):
    with pytest.raises(ValueError, match=r'set absolute_threshold=False or percentile=100 \(got 90\)'):
        get_protocol(changes)


def test_the_empty_box_has_four_edges():
    with pytest.raises(
        ValueError, match=r"protocol 'mine': empty_box must be \(x1, y1, x2, y2\) in whole pixels, got \(0, 0\)"
    ):
        Protocol(name='mine', empty_box=(0, 0))


@pytest.mark.parametrize('levels', [[], [0.0], [0.5, 1.1], [float('nan')], [0.5, 0.5]])
def test_iou_levels_out_of_range(levels):
    with pytest.raises(ValueError, match=r"protocol 'tscam': iou_levels must be different and in \(0, 1\]"):
        get_protocol('tscam', iou_levels=levels)


def test_one_level_needs_no_list():
    assert get_protocol('tscam', iou_levels=0.7).iou_levels == (0.7,)


@pytest.mark.parametrize('frame', [(224,), (0, 224), (3, 4, 5), (224, float('inf')), (float('nan'), 224)])
def test_frame_is_width_and_height(frame):
    with pytest.raises(ValueError, match=r"protocol 'tscam': frame must be \(width, height\)"):
        get_protocol('tscam', frame=frame)


def test_other_rules_do_not_go_by_the_name_of_their_base():
    rules = dict(
        regions='all_contours', normalize_first=True, epsilon=1e-5, absolute_threshold=True, percentile=90, frame=(8, 8)
    )
    for name, value in rules.items():
        assert get_protocol('tscam', **{name: value}).name == 'tscam-derived'
    assert get_protocol('tscam', regions='all_contours', name='mine').name == 'mine'
    for same in (dict(threshold=0.3), dict(iou_levels=[0.3]), dict(normalize=False), dict(regions='contour')):
        assert get_protocol('tscam', **same).name == 'tscam'


def test_a_mapping_needs_a_base():
    with pytest.raises(ValueError, match=r'needs a base: choose from tscam, wsol-v1, wsol-v2, sat, union, rcam'):
        get_protocol(dict(threshold=0.2))


def test_what_a_threshold_means():
    assert {name: protocol.threshold_rule for name, protocol in PROTOCOLS.items()} == {
        'tscam': 'of maximum',
        'wsol-v1': 'of maximum',
        'wsol-v2': 'of maximum',
        'sat': 'absolute, normalised first',
        'union': 'absolute, normalised first',
        'rcam': 'of percentile 90',
    }


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_a_box_of_the_whole_frame_follows_the_frame(name):
    whole = PROTOCOLS[name].empty_box == (0, 0, 224, 224)
    changed = get_protocol(name, frame=(96, 64))
    assert changed.empty_box == ((0, 0, 96, 64) if whole else PROTOCOLS[name].empty_box)
    assert get_protocol(dict(base=name, frame=[96, 64], empty_box=[1, 2, 3, 4])).empty_box == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(frame=224), 'frame must be numbers, got 224'),
        (dict(frame=[224.5, 100]), r'frame must be \(width, height\) in whole pixels, got \(224.5, 100\)'),
        (dict(empty_box=[5, 5, 1, 1]), r'empty_box must be \(x1, y1, x2, y2\) in whole pixels, got \(5, 5, 1, 1\)'),
        (dict(empty_box=[0, 0, float('inf'), 1]), r'empty_box must be \(x1, y1, x2, y2\) in whole pixels'),
        (dict(name='a/b'), "the name of a protocol must be a text without /, got 'a/b'"),
        (dict(frame=['a', 1]), 'frame must be numbers'),
        (dict(empty_box=[0, 0, None, 1]), 'empty_box must be numbers'),
        (dict(iou_levels='0.5'), 'iou_levels must be numbers'),
        (dict(iou_levels=[[0.5]]), 'iou_levels must be numbers'),
        (dict(name=[1]), r'the name of a protocol must be a text without /, got \[1\]'),
    ],
)
def test_values_of_another_type(changes, said):
    for base in ('tscam', 'sat'):
        with pytest.raises(ValueError, match=said):
            get_protocol(dict(base=base, **changes))
