import dataclasses

import pytest
from mmengine.config import ConfigDict

from mmtscam.localization import PROTOCOLS, Protocol, get_protocol


def test_tscam_is_the_released_evaluation():
    assert dataclasses.asdict(PROTOCOLS['tscam']) == {
        'name': 'tscam',
        'threshold': 0.1,
        'frame': (224, 224),
        'interpolation': 'bilinear',
        'normalize': True,
        'contours': 'largest',
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
        'frame': (224, 224),
        'interpolation': 'bicubic',
        'normalize': True,
        'contours': 'largest',
        'clamp_boxes': True,
        'empty_box': (0, 0, 0, 0),
        'truncate_size': False,
        'divide_first': False,
        'clamp_truth': False,
        'iou_levels': (0.5,),
    }


def test_the_two_wsol_protocols_differ_in_contours_and_levels_only():
    v1, v2 = (dataclasses.asdict(PROTOCOLS[name]) for name in ('wsol-v1', 'wsol-v2'))
    assert {key for key in v1 if v1[key] != v2[key]} == {'name', 'contours', 'iou_levels'}
    assert v2['contours'] == 'all'
    assert v2['iou_levels'] == (0.3, 0.5, 0.7)


def test_every_protocol_stands_under_its_name():
    assert list(PROTOCOLS) == ['tscam', 'wsol-v1', 'wsol-v2']
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())


def test_a_protocol_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS['tscam'].threshold = 0.5


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_get_by_name_and_by_value(name):
    assert get_protocol(name) == PROTOCOLS[name]
    assert get_protocol(PROTOCOLS[name]) == PROTOCOLS[name]


def test_get_with_changes_leaves_the_original():
    changed = get_protocol('tscam', threshold=0.12, contours='all')
    assert (changed.threshold, changed.contours) == (0.12, 'all')
    assert (PROTOCOLS['tscam'].threshold, PROTOCOLS['tscam'].contours) == (0.1, 'largest')


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
    with pytest.raises(ValueError, match=r"unknown protocol 'cam': choose from tscam, wsol-v1, wsol-v2"):
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


def test_unknown_interpolation_and_contours():
    with pytest.raises(ValueError, match=r"protocol 'mine': interpolation must be .* got 'nearest'"):
        Protocol(name='mine', interpolation='nearest')
    with pytest.raises(ValueError, match=r"protocol 'mine': contours must be .* got 'some'"):
        Protocol(name='mine', contours='some')


@pytest.mark.parametrize('levels', [[], [0.0], [0.5, 1.1], [float('nan')], [0.5, 0.5]])
def test_iou_levels_out_of_range(levels):
    with pytest.raises(ValueError, match=r"protocol 'tscam': iou_levels must be different and in \(0, 1\]"):
        get_protocol('tscam', iou_levels=levels)


def test_one_level_needs_no_list():
    assert get_protocol('tscam', iou_levels=0.7).iou_levels == (0.7,)


@pytest.mark.parametrize('frame', [(224,), (0, 224), (3, 4, 5)])
def test_frame_is_width_and_height(frame):
    with pytest.raises(ValueError, match=r"protocol 'tscam': frame must be \(width, height\)"):
        get_protocol('tscam', frame=frame)


def test_other_rules_do_not_go_by_the_name_of_their_base():
    assert get_protocol('tscam', contours='all').name == 'tscam-derived'
    assert get_protocol('tscam', contours='all', name='mine').name == 'mine'
    for same in (dict(threshold=0.3), dict(iou_levels=[0.3]), dict(normalize=False), dict(contours='largest')):
        assert get_protocol('tscam', **same).name == 'tscam'


def test_a_mapping_needs_a_base():
    with pytest.raises(ValueError, match=r'needs a base: choose from tscam, wsol-v1, wsol-v2'):
        get_protocol(dict(threshold=0.2))
