import io
import json
import warnings
import zipfile

import numpy as np
import pytest
import torch

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP
from mmtscam.evaluation.stored_maps import MapFile, MapPart, merge_parts

METRICS = {
    'LocAccuracy': lambda **kwargs: LocAccuracy('tscam', **kwargs),
    'LocAccuracy of several levels': lambda **kwargs: LocAccuracy('wsol-v2', 0.4, **kwargs),
    'MaxBoxAcc': lambda **kwargs: MaxBoxAcc('wsol-v2', step=0.05, **kwargs),
    'PixelAP': lambda **kwargs: PixelAP('wsol-v1', step=0.05, **kwargs),
}
# An array that says to have 2^60 numbers, and has none.
_HUGE = (
    b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }".ljust(127)
    + b'\n'
)
NOT_ONE = 'not a file of maps that SaveMapsHook wrote'


def _part(path, samples):
    part = MapPart(path)
    for sample in samples:
        part.add(sample)
    part.close()
    return path


@pytest.fixture
def write(tmp_path):
    """Write a file of maps by way of parts."""

    def write(*parts, path=tmp_path / 'maps.npz', **kwargs):
        files = [_part(tmp_path / f'part{index}', part) for index, part in enumerate(parts)]
        size = 1 + max(sample['img_id'] for part in parts for sample in part)
        merge_parts(files, path, **{'size': size, **kwargs})
        return path

    return write


@pytest.fixture
def file(write, samples):
    """A file of three images."""
    return write(samples[:3], classes=('a', 'b'), origin=dict(config='c.py'))


def _rewrite(path, change):
    """Change a file's members: a dict of contents by name."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(path, 'w') as new:
        for name, content in members.items():
            new.writestr(name, content)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
@pytest.mark.parametrize('map_kind', ['maps', 'attention', 'semantic'])
@pytest.mark.parametrize('make', METRICS.values(), ids=METRICS)
def test_scored_from_the_file_as_live(make_samples, evaluate, write, make, map_kind, dtype):
    samples = make_samples(8, dtype)
    live, stored = make(map_kind=map_kind), make(map_kind=map_kind)
    expected = evaluate(live, samples)
    assert evaluate(stored, MapFile(write(samples))) == expected
    assert stored.result == live.result
    assert len(set(expected.values())) > 1 or len(expected) == 1


@pytest.mark.parametrize('kind', ['LocAccuracy', 'MaxBoxAcc'])
def test_maps_and_masks_of_their_own_need_no_scores_and_no_boxes(make_samples, evaluate, write, kind):
    live = make_samples(3)
    for sample in live:
        del sample['pred_score'], sample['gt_sem_seg']
    stored = list(MapFile(write(live)))
    assert evaluate(METRICS[kind](), stored) == evaluate(METRICS[kind](), live)
    assert not {'pred_label', 'gt_rank', 'gt_sem_seg'} & set(stored[0])

    masked = make_samples(3)
    for sample in masked:
        del sample['gt_instances']
    stored = list(MapFile(write(masked)))
    assert 'gt_instances' not in stored[0]
    assert evaluate(METRICS['PixelAP'](), stored) == evaluate(METRICS['PixelAP'](), masked)


def test_samples_without_a_label(make_sample, write):
    sample = make_sample(torch.rand(2, 3, 3))
    del sample['gt_label'], sample['gt_instances']
    (stored,) = MapFile(write([sample]))
    assert 'gt_label' not in stored
    assert stored['pred_label'] == 0


def test_what_is_read(samples, file):
    maps = MapFile(file)
    assert (len(maps), maps.path, maps.classes, maps.origin) == (3, str(file), ('a', 'b'), dict(config='c.py'))
    assert list(maps.image_ids()) == [sample['img_path'] for sample in samples[:3]]
    for _ in range(2):  # it can be read again
        for index, (stored, live) in enumerate(zip(maps, samples, strict=False)):
            assert stored['img_id'] == index
            assert stored['ori_shape'] == live['ori_shape']
            np.testing.assert_array_equal(stored['gt_instances']['bboxes'], live['gt_instances']['bboxes'])
            assert stored['pred_label'] == live['pred_score'].argmax()
            for name in ('labels', 'maps', 'coupled', 'attention', 'semantic'):
                np.testing.assert_array_equal(stored['class_maps'][name], live['class_maps'][name])
            scores = live['pred_score'][live['class_maps']['labels']]
            np.testing.assert_array_equal(stored['class_maps']['scores'], scores)
            np.testing.assert_array_equal(stored['gt_sem_seg']['sem_seg'], live['gt_sem_seg']['sem_seg'])
            for name in ('threshold', 'map_kind', 'map_kinds'):
                assert stored['class_maps'][name] == live['class_maps'][name]
    assert [kind.name for kind in maps.map_kinds] == ['coupled', 'attention', 'semantic']


def _same(one, other):
    """Whether two samples are equal, array by array."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return np.array_equal(one, other)


def test_one_image_is_read_without_the_others(file):
    maps = MapFile(file)
    whole = list(maps)
    _rewrite(file, lambda members: [members.update({name: b''}) for name in members if name.startswith('00000000')])
    maps = MapFile(file)
    for place in (1, 2, -1, -2):
        assert _same(maps[place], whole[place])
    with pytest.raises(ValueError, match=f'^{file}: image 0 cannot be read: '):
        maps[0]
    for place in (3, -4):
        with pytest.raises(IndexError):
            maps[place]


def test_facts_of_images_are_read_without_their_maps(file):
    whole = list(MapFile(file))
    _rewrite(file, lambda members: [members.update({name: b''}) for name in members if name.endswith('.npy')])
    for facts, sample in zip(MapFile(file).facts(), whole, strict=True):
        assert _same(facts, {key: sample[key] for key in sample if key not in ('class_maps', 'gt_sem_seg')})
        assert len(facts['gt_instances']['bboxes']) > 0


@pytest.mark.parametrize(
    'order', [sorted, lambda names: sorted(names, reverse=True), lambda names: sorted(names, key=hash)]
)
def test_members_may_be_in_any_order(file, order):
    """Other programs may pack the file anew."""
    whole = list(MapFile(file))

    def change(members):
        contents = {name: members[name] for name in order(members)}
        members.clear()
        members.update(contents)

    _rewrite(file, change)
    assert all(_same(one, other) for one, other in zip(MapFile(file), whole, strict=True))


def test_numpy_opens_it(samples, file):
    with np.load(file) as arrays:
        kinds = ['labels', 'scores', 'coupled', 'attention', 'semantic', 'mask']
        names = [f'{image:08d}/{kind}' for image in range(3) for kind in kinds]
        assert [name for name in arrays.files if '/' in name] == names
        np.testing.assert_array_equal(arrays['00000002/coupled'], samples[2]['class_maps']['maps'])
        assert arrays['00000001/mask'].dtype == np.uint8
        assert arrays['00000001/labels'].dtype == np.int64


def test_parts_in_any_order_with_repeated_images_are_the_same_file(samples, write, tmp_path):
    one = write(samples, path=tmp_path / 'one.npz').read_bytes()
    first, second = samples[::2], samples[1::2]
    two = write([*first, first[0]], [*reversed(second), second[1], samples[0]], path=tmp_path / 'two.npz')
    assert two.read_bytes() == one
    assert sorted(path.name for path in tmp_path.iterdir()) == ['one.npz', 'two.npz']  # no parts are left


def test_images_are_numbered_as_in_the_data_set(make_samples, write):
    """Whatever numbers they have elsewhere."""
    samples = make_samples(3)
    numbered = [dict(sample, sample_idx=index, img_id=100 - index) for index, sample in enumerate(samples)]
    stored = list(MapFile(write(numbered, size=3)))
    assert [sample['img_id'] for sample in stored] == [0, 1, 2]
    assert [sample['img_path'] for sample in stored] == [sample['img_path'] for sample in samples]


def test_more_images_than_the_data_set_has_are_left_out(samples, write):
    assert len(MapFile(write(samples[:4], size=3))) == 3


@pytest.mark.parametrize('missing', ['img_id', 'class_maps'])
def test_samples_without_maps_are_not_saved(make_sample, tmp_path, missing):
    sample = make_sample(torch.rand(2, 3, 3))
    del sample[missing]
    with pytest.raises(ValueError, match=r'^/data/set/test/0.jpg: maps are saved of samples with img_id, class_maps'):
        _part(tmp_path / 'part', [sample])


def test_scores_that_are_not_finite_are_not_saved(make_sample, tmp_path):
    with pytest.raises(ValueError, match='the class scores are not finite'):
        _part(tmp_path / 'part', [make_sample(torch.rand(2, 3, 3), score=[0, float('nan')])])


def _zero_the_data(path):
    """Break what is compressed of image 1, not the list of members."""
    with zipfile.ZipFile(path) as file:
        info = file.getinfo('00000001/labels.npy')
    start = info.header_offset + 30 + len(info.filename)
    content = bytearray(path.read_bytes())
    content[start : start + info.compress_size] = bytes(info.compress_size)
    path.write_bytes(content)


@pytest.mark.parametrize('old', [True, False])
@pytest.mark.parametrize('broken', ['missing', 'data'])
def test_a_failing_merge_changes_nothing(samples, tmp_path, old, broken):
    (tmp_path / 'parts').mkdir()
    target = tmp_path / 'maps.npz'
    if old:
        target.write_text('old')
    part = _part(tmp_path / 'parts' / '0', samples[:2])
    if broken == 'data':
        _zero_the_data(part)
        with pytest.raises(ValueError, match=rf'^{part}: .* 00000001/labels\.npy cannot be unpacked'):
            merge_parts([part], target, size=2)
    else:
        with pytest.raises(ValueError, match=f'^{target}: no maps of image 2, and of 2 others of 5'):
            merge_parts([part], target, size=5)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == (['maps.npz'] if old else [])
    assert not old or target.read_text() == 'old'
    assert part.is_file()


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/a.npz: file of maps not found; SaveMapsHook'):
        MapFile(tmp_path / 'a.npz')


@pytest.mark.parametrize('keep', [0, 10, 0.5, -1])
def test_cut_file(file, keep):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep) if 0 < keep < 1 else keep])
    with pytest.raises(ValueError, match=f'^{file}: {NOT_ONE}: '):
        MapFile(file)


def test_other_files(tmp_path):
    np.savez(tmp_path / 'arrays.npz', a=np.ones(3))
    (tmp_path / 'text.npz').write_text('maps')
    for name in ('arrays', 'text'):
        with pytest.raises(ValueError, match=f'^{tmp_path}/{name}.npz: {NOT_ONE}: '):
            MapFile(tmp_path / f'{name}.npz')


@pytest.mark.parametrize('index', ['[]', 'null', 'no json', '{"images": 3}', '{"images": null, "classes": []}'])
def test_broken_index(file, index):
    _rewrite(file, lambda members: members.update({'maps.json': index.encode()}))
    with pytest.raises(ValueError, match=f'^{file}: {NOT_ONE}: '):
        MapFile(file)


def _format(version):
    def change(members):
        members['maps.json'] = json.dumps({**json.loads(members['maps.json']), 'format': version}).encode()

    return change


def test_another_version(file):
    _rewrite(file, _format('mmtscam maps 0'))
    message = rf'^{file}: {NOT_ONE}: .*of another version, .*mmtscam maps 0.* instead of .*mmtscam maps 2'
    with pytest.raises(ValueError, match=message):
        MapFile(file)


def test_a_missing_image(file):
    _rewrite(file, lambda members: members.pop('00000001.json'))
    with pytest.raises(ValueError, match=f'^{file}: image 1 of 3 is missing$'):
        MapFile(file)


def test_a_doubled_entry(file):
    with zipfile.ZipFile(file, 'a') as members, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        members.writestr('00000002.json', members.read('00000002.json'))
    with pytest.raises(ValueError, match=f'^{file}: 00000002.json is there twice$'):
        MapFile(file)


@pytest.mark.parametrize(
    'change',
    [
        lambda members: members.update({'00000001.json': b'{}'}),
        lambda members: members.update({'00000001.json': b'not json'}),
        lambda members: members.update({'00000001/coupled.npy': b'not an array'}),
        lambda members: members.update({'00000001/labels.npy': members['00000001/labels.npy'][:-4]}),
        lambda members: members.pop('00000001/semantic.npy'),
        lambda members: members.update({'00000001/semantic.npy': _HUGE}),
    ],
)
def test_an_image_that_cannot_be_read_is_named(file, change):
    _rewrite(file, change)
    reader = iter(MapFile(file))
    assert next(reader)['img_id'] == 0
    with pytest.raises(ValueError, match=f'^{file}: image 1 cannot be read: '):
        next(reader)


def test_a_missing_map(file):
    _rewrite(file, lambda members: members.pop('00000002/attention.npy'))
    with pytest.raises(ValueError, match=f"^{file}: image 2 cannot be read: .*it has no maps of the kind 'attention'"):
        list(MapFile(file))


def test_a_map_that_serves_all_classes_is_stored_once(samples, write):
    live = []
    for sample in samples[:2]:
        class_maps = dict(sample['class_maps'])
        class_maps['attention'] = class_maps['attention'][:1].expand(3, -1, -1)
        class_maps['map_kinds'] = tuple(
            kind._replace(class_agnostic=kind.name == 'attention') for kind in class_maps['map_kinds']
        )
        live.append(dict(sample, class_maps=class_maps))
    path = write(live)
    with np.load(path) as arrays:
        assert arrays['00000000/attention'].shape == (14, 14)
    for stored, sample in zip(MapFile(path), live, strict=True):
        np.testing.assert_array_equal(stored['class_maps']['attention'], sample['class_maps']['attention'])


def test_data_that_cannot_be_unpacked_is_named(file):
    _zero_the_data(file)
    with pytest.raises(ValueError, match=f'^{file}: image 1 cannot be read: '):
        list(MapFile(file))


def test_missing_labels_are_named(file):
    _rewrite(file, lambda members: members.pop('00000002/labels.npy'))
    with pytest.raises(ValueError, match=f'^{file}: image 2 cannot be read: .*it has no labels'):
        list(MapFile(file))


def test_a_member_of_something_else(file):
    _rewrite(file, lambda members: members.update({'readme.txt': b''}))
    with pytest.raises(ValueError, match=rf'^{file}: readme\.txt is no part of a file of maps'):
        MapFile(file)


def test_a_part_that_is_cut_off(samples, tmp_path):
    part = _part(tmp_path / 'part', samples[:1])
    part.write_bytes(part.read_bytes()[:-5])
    with pytest.raises(ValueError, match=f'^{part}: this part of the maps is damaged'):
        merge_parts([part], tmp_path / 'maps.npz', size=1)
    assert [path.name for path in tmp_path.iterdir()] == ['part']


def test_other_kinds_than_those_before_are_refused(samples, make_sample, tmp_path):
    for other in (
        make_sample(torch.rand(2, 3, 3), img_id=1),
        make_sample(torch.rand(2, 3, 3), map_kind=None, img_id=1),
    ):
        with pytest.raises(ValueError, match=r'^/data/set/test/1.jpg: its kinds of map are not those'):
            _part(tmp_path / 'part', [samples[0], other])


def _index_with(**changes):
    def change(members):
        members['maps.json'] = json.dumps({**json.loads(members['maps.json']), **changes}).encode()

    return change


@pytest.mark.parametrize(
    'changes',
    [
        dict(images=-1),
        dict(images=float('inf')),
        dict(images='3'),
        dict(images=True),
        dict(classes=[1, 2]),
        dict(origin=None),
        dict(map_kinds=[dict(name='../x', title='a')]),
        dict(map_kinds=[dict(name='a', title='a', more=1)]),
    ],
)
def test_an_index_that_says_something_else(file, changes):
    _rewrite(file, _index_with(**changes))
    with pytest.raises(ValueError, match=f'^{file}: {NOT_ONE}: '):
        MapFile(file)


def test_json_that_is_nested_too_deeply(file):
    deep = b'[' * 100_000 + b']' * 100_000
    _rewrite(file, lambda members: members.update({'00000001.json': deep}))
    with pytest.raises(ValueError, match=f'^{file}: image 1 cannot be read: .*nested too deeply'):
        list(MapFile(file))
    _rewrite(file, lambda members: members.update({'maps.json': deep}))
    with pytest.raises(ValueError, match=f'^{file}: {NOT_ONE}: .*nested too deeply'):
        MapFile(file)


def test_masks_that_are_none(file):
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 3), np.float32))
    _rewrite(file, lambda members: members.update({'00000001/mask.npy': stream.getvalue()}))
    with pytest.raises(ValueError, match=f'^{file}: image 1 cannot be read: .*its mask is of float32'):
        list(MapFile(file))


def test_an_image_without_id(file):
    def change(members):
        info = json.loads(members['00000001.json'])
        members['00000001.json'] = json.dumps({**info, 'image_id': None}).encode()

    _rewrite(file, change)
    with pytest.raises(ValueError, match=f'^{file}: image 1 has no id'):
        list(MapFile(file).image_ids())
