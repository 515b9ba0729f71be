import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, ThresholdChoice, load_thresholds, save_thresholds
from mmtscam.evaluation.threshold_file import image_digest
from mmtscam.localization import PROTOCOLS, get_protocol

TWO_LEVELS = get_protocol(dict(base='wsol-v2', iou_levels=[0.3, 0.7], threshold=0.5))


def _choice(protocol='wsol-v1', asked_kind='maps', threshold=0.25, levels=(0.25,)):
    map_kind = 'coupled' if asked_kind == 'maps' else asked_kind
    accuracies = (60.0,) * len(levels)
    return ThresholdChoice(get_protocol(protocol), asked_kind, map_kind, threshold, 61.5, levels, accuracies)


@pytest.fixture
def file(tmp_path):
    """Thresholds for two protocols, chosen on two images."""
    path = tmp_path / 'thresholds.json'
    choices = [_choice(), _choice('tscam', 'attention', 0.1, (0.15,))]
    save_thresholds(path, choices, ['images/001.Ant/a.jpg', 'images/001.Ant/b.jpg'], dict(config='c'))
    return path


def test_what_is_written_is_read(tmp_path):
    choices = (_choice(TWO_LEVELS, levels=(0.001, float(np.arange(0, 1, 0.001)[777]))), _choice('tscam', 'semantic'))
    save_thresholds(tmp_path / 'new' / 'a.json', choices, ['b/c/d.jpg', './b//c/d.jpg', 'b/c/e.jpg'], {'config': 'x'})
    read = load_thresholds(tmp_path / 'new' / 'a.json')
    assert (read.path, read.choices) == (f'{tmp_path}/new/a.json', choices)
    assert read.images == {image_digest('b/c/d.jpg'), image_digest('b/c/e.jpg')}
    content = json.loads((tmp_path / 'new' / 'a.json').read_text())
    assert (content['num_images'], content['origin']) == (2, {'config': 'x'})


@pytest.mark.parametrize('changes', [{}, dict(name='other'), dict(threshold=0.4)])
def test_found_under_the_same_rules(file, changes):
    thresholds = load_thresholds(file)
    assert thresholds.find(replace(PROTOCOLS['wsol-v1'], **changes), 'maps') == _choice()
    assert thresholds.find(replace(PROTOCOLS['wsol-v1'], **changes), 'coupled') == _choice()
    assert thresholds.get(replace(PROTOCOLS['tscam'], **changes), 'attention').threshold == 0.1


@pytest.mark.parametrize(
    ('changes', 'map_kind'),
    [
        ({}, 'attention'),
        (dict(iou_levels=[0.3]), 'maps'),
        (dict(iou_levels=[0.5, 0.7]), 'maps'),
        (dict(interpolation='bilinear'), 'maps'),
        (dict(regions='all_contours'), 'maps'),
        (dict(normalize=False), 'maps'),
        (dict(frame=(112, 112)), 'maps'),
        (dict(clamp_boxes=False), 'maps'),
        (dict(truncate_size=True), 'maps'),
        (dict(empty_box=(0, 0, 1, 1)), 'maps'),
    ],
)
def test_not_found_under_others(file, changes, map_kind):
    protocol = replace(PROTOCOLS['wsol-v1'], **changes)
    thresholds = load_thresholds(file)
    assert thresholds.get(protocol, map_kind) is None
    with pytest.raises(ValueError) as caught:
        thresholds.find(protocol, map_kind)
    message = str(caught.value)
    assert message.startswith(f"{file}: no threshold for {map_kind!r} under protocol 'wsol-v1'")
    assert '(there are: wsol-v1/maps, tscam/attention' in message
    for name in changes:
        ours, theirs = getattr(PROTOCOLS['wsol-v1'], name), getattr(protocol, name)
        assert f"its 'wsol-v1' has another {name}: {ours} instead of {theirs}" in message


@pytest.mark.parametrize('metric', [LocAccuracy, MaxBoxAcc])
@pytest.mark.parametrize(('protocol', 'map_kind'), [('wsol-v2', 'maps'), ('wsol-v1', 'attention')])
def test_metrics_refuse_a_file_without_their_threshold(file, metric, protocol, map_kind):
    with pytest.raises(ValueError, match=r'there are: wsol-v1/maps, tscam/attention'):
        metric(protocol, threshold_file=str(file), map_kind=map_kind)


@pytest.mark.parametrize('metric', [LocAccuracy, MaxBoxAcc])
@pytest.mark.parametrize(
    ('image_id', 'seen'),
    [
        ('images/001.Ant/b.jpg', True),
        ('./images/001.Ant//a.jpg', True),
        ('images/001.Ant/c.jpg', False),
        ('images/002.Bee/a.jpg', False),
        ('other/001.Ant/a.jpg', False),
    ],
)
def test_metrics_refuse_images_on_which_the_threshold_was_chosen(make_sample, file, metric, image_id, seen):
    metric = metric('wsol-v1', threshold_file=str(file))
    samples = [
        dict(make_sample(torch.rand(14, 14), img_id=index, img_path=f'/elsewhere/{image}'), image_id=image)
        for index, image in enumerate(['images/9/z.jpg', image_id])
    ]
    if seen:
        with pytest.raises(ValueError) as caught:
            metric.process({}, samples)
        assert str(caught.value).startswith(f'{image_id}: {file} was chosen on this image too')
    else:
        metric.process({}, samples)
        assert len(metric.evaluate(2)) > 0


@pytest.mark.parametrize('metric', [LocAccuracy, MaxBoxAcc])
@pytest.mark.parametrize('map_kind', ['cams', None])
def test_metrics_refuse_maps_of_another_kind(make_sample, file, metric, map_kind):
    metric = metric('wsol-v1', threshold_file=str(file))
    metric.process({}, [make_sample(torch.rand(14, 14))])
    with pytest.raises(ValueError) as caught:
        metric.process({}, [make_sample(torch.rand(14, 14), map_kind=map_kind)])
    assert str(caught.value) == (
        f"/data/set/test/0.jpg: {file} has a threshold for maps of the kind 'coupled', but these are of the kind "
        f'{map_kind or "maps"!r}: choose one for them with tools/analysis/choose_threshold.py'
    )


def test_an_image_that_is_not_known_is_refused(make_sample, file):
    sample = make_sample(torch.rand(14, 14))
    del sample['img_path']
    with pytest.raises(ValueError, match='samples without image_id or img_path cannot be told from the images'):
        LocAccuracy('wsol-v1', threshold_file=str(file)).process({}, [sample])


def test_a_threshold_that_was_chosen_is_the_one_that_is_used(make_samples, evaluate, tmp_path):
    """Best threshold of one half, used on the other, as by hand."""
    chosen_on, scored = make_samples(12, seed=1), make_samples(12, seed=2)
    for sample in chosen_on:
        sample['img_path'] = sample['img_path'].replace('test', 'val')
    sweep = MaxBoxAcc('wsol-v1', step=0.05)
    evaluate(sweep, chosen_on)
    file = tmp_path / 'thresholds.json'
    save_thresholds(file, [sweep.best], (sample['img_path'] for sample in chosen_on), {})

    by_file = evaluate(LocAccuracy('wsol-v1', threshold_file=str(file)), scored)
    by_hand = evaluate(LocAccuracy('wsol-v1', threshold=sweep.best.threshold), scored)
    assert by_file == {name if 'cls' in name else f'{name}_val': value for name, value in by_hand.items()}
    swept = evaluate(MaxBoxAcc('wsol-v1', threshold_file=str(file), step=0.05), scored)
    assert swept['wsol-v1/boxacc_val'] == by_file['wsol-v1/gt_known_val'] <= swept['wsol-v1/maxboxacc_oracle']
    with pytest.raises(ValueError, match='was chosen on this image too'):
        evaluate(LocAccuracy('wsol-v1', threshold_file=str(file)), chosen_on)


def test_missing_file(tmp_path):
    for load in (load_thresholds, lambda path: LocAccuracy(threshold_file=str(path))):
        with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/a.json: threshold file not found; tools/analysis/'):
            load(tmp_path / 'a.json')


def _changed(**changes):
    return lambda content: {**content, **changes}


def _row(**changes):
    return lambda content: {**content, 'thresholds': [{**content['thresholds'][0], **changes}]}


@pytest.mark.parametrize(
    'change, said',
    [
        (_changed(format='mmtscam thresholds 1'), "its 'format' is 'mmtscam thresholds 1', not 'mmtscam thresholds 2'"),
        (_changed(format=None), "it has None for 'format', and needs a text"),
        (_changed(thresholds=None), "it has None for 'thresholds', and needs a list"),
        (_changed(thresholds={}), "it has {} for 'thresholds', and needs a list"),
        (_changed(images=None), "it has None for 'images', and needs a list"),
        (_changed(images=[['a']]), "its 'images' must be texts, got ['a']"),
        (_changed(images=[], num_images=0), "its 'images' are none, so the images on which it was chosen cannot be"),
        (_changed(origin=[]), "it has [] for 'origin', and needs an object"),
        (_changed(origin=dict(views=3)), "'views' of its 'origin' must be an object, got 3"),
        (_changed(thresholds=[{}]), "thresholds[0] has no 'protocol'"),
        (_changed(thresholds=[[]]), "thresholds[0] must be an object with 'protocol', got []"),
        (_row(protocol=None), "thresholds[0] has None for 'protocol', and needs an object"),
        (_row(protocol={}), "thresholds[0].protocol has no 'name'"),
        (_row(protocol=dict(name='a', colour='red')), "thresholds[0].protocol has an unknown 'colour'"),
        (_row(protocol=dict(name='a', iou_levels=[])), "thresholds[0]: protocol 'a': iou_levels must be"),
        (_row(level_thresholds=None), "thresholds[0] has None for 'level_thresholds', and needs a list"),
        (_row(map_name='maps'), "thresholds[0] has an unknown 'map_name'"),
        (_row(level_thresholds=[]), 'thresholds[0]: level_thresholds: 0 values for IoU levels (0.5,)'),
        (_row(level_thresholds=[0.1, 0.2]), 'thresholds[0]: level_thresholds: 2 values for IoU levels (0.5,)'),
        (_row(level_thresholds=[None]), 'thresholds[0]: level_thresholds: a threshold is missing'),
        (_row(level_thresholds=[10**400]), 'thresholds[0]: level_thresholds: protocol '),
        (_row(threshold=None), 'thresholds[0]: threshold: a threshold is missing'),
        (_row(threshold=1.0), "thresholds[0]: threshold: protocol 'wsol-v1': threshold must be"),
        (_row(threshold='0.1'), "thresholds[0]: threshold: protocol 'wsol-v1': threshold must be"),
        (_row(oracle_accuracy='50'), "thresholds[0]: oracle_accuracy: an accuracy must be in percent, got '50'"),
        (_row(oracle_accuracy=float('inf')), 'thresholds[0]: oracle_accuracy: an accuracy must be in percent'),
        (_row(level_oracle_accuracies=[1, 2]), 'thresholds[0]: level_oracle_accuracies: 2 values for IoU levels'),
        (_row(level_oracle_accuracies=[None]), 'thresholds[0]: level_oracle_accuracies: an accuracy must be in'),
        (_row(map_kind=['a']), "thresholds[0]: map_kind: a kind of map must be a name, got ['a']"),
        (_row(asked_kind=3), 'thresholds[0]: asked_kind: a kind of map must be a name, got 3'),
        (lambda content: {}, "it has no 'format'"),
        (lambda content: [content], "it must be an object with 'format', got ["),
        (lambda content: 'text', "it must be an object with 'format', got 'text'"),
        (lambda content: None, "it must be an object with 'format', got None"),
    ],
)
def test_broken_file(file, change, said):
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(ValueError) as caught:
        load_thresholds(file)
    assert str(caught.value).startswith(f'{file}: not a threshold file of this version: {said}')
    assert str(caught.value).endswith('; write it anew with tools/analysis/choose_threshold.py')


@pytest.mark.parametrize('key', ['format', 'origin', 'thresholds', 'images'])
def test_each_key_is_needed(file, key):
    content = json.loads(file.read_text())
    del content[key]
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"^{file}: not a threshold file of this version: it has no '{key}'; write it"):
        load_thresholds(file)


@pytest.mark.parametrize('key', [each.name for each in fields(ThresholdChoice)])
def test_each_key_of_a_choice_is_needed(file, key):
    content = json.loads(file.read_text())
    del content['thresholds'][1][key]
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"version: thresholds\[1\] has no '{key}'; write it anew"):
        load_thresholds(file)


@pytest.mark.parametrize('keep', [0, 1, 100, -3])
def test_cut_file(file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f'^{file}: not a threshold file: it is no JSON$'):
        load_thresholds(file)


def test_a_file_that_is_no_text(file):
    file.write_bytes(b'PK\xff\xfe')
    with pytest.raises(ValueError, match=f'^{file}: not a threshold file: it is no JSON$'):
        load_thresholds(file)


def test_a_failure_leaves_the_old_file(file):
    old = file.read_bytes()
    with pytest.raises(TypeError):
        save_thresholds(file, [_choice()], [], dict(config=object()))
    assert file.read_bytes() == old
    assert list(file.parent.iterdir()) == [file]


def test_json_that_is_nested_too_deeply(file):
    file.write_text('[' * 100_000 + ']' * 100_000)
    with pytest.raises(ValueError, match=f'^{file}: not a threshold file: it is no JSON'):
        load_thresholds(file)
