"""The index of a file of maps knows its members, whatever their order, in little memory."""

import random
import tracemalloc

import pytest

from mmtscam.evaluation.stored_maps.map_index import INDEX, MapIndex
from mmtscam.evaluation.stored_maps.zip_members import Member

# Digits, but no ASCII.
EIGHT = 8 * chr(0x661)
RESTS = ('.json', '/labels.npy', '/scores.npy', '/coupled.npy', '/attention.npy', '/semantic.npy', '/mask.npy')


def _member(name, place=0):
    return Member(name, place % 2 * 8, 0xFFFFFFFF - place, 100 + place, 300 + place, (1 << 40) + place)


def _members(images, rests=RESTS):
    names = [f'{image:08d}{rest}' for image in images for rest in rests]
    return [_member(name, place) for place, name in enumerate(names)]


@pytest.mark.parametrize('order', ['file', 'by kind', 'mixed'])
def test_members_of_each_image(order):
    members = [*_members([0, 1, 2, 7, 99999999]), _member(INDEX)]
    if order == 'by kind':
        members.sort(key=lambda member: member.name[8:])
    if order == 'mixed':
        random.Random(0).shuffle(members)
    index = MapIndex(iter(members))
    assert index.problem is None
    assert index.head == _member(INDEX)
    for image in (0, 1, 2, 7, 99999999):
        own = [member for member in members if member.name.startswith(f'{image:08d}')]
        assert [*index.members(image).values()] == own
        assert [*index.members(image)] == [member.name[8:] for member in own]
    assert [index.members(image) for image in (3, 8, 100000000)] == [{}] * 3
    assert index.images_with('/mask.npy').tolist() == [0, 1, 2, 7, 99999999]
    assert index.images_with('/other.npy').tolist() == []


def test_images_may_have_different_members():
    index = MapIndex([*_members([4], ['.json', '/a.npy']), *_members([5], ['/b.npy'])])
    assert index.head is None
    assert index.images_with('.json').tolist() == [4]
    assert [*index.members(5)] == ['/b.npy']


def test_no_member_at_all():
    index = MapIndex([])
    assert (index.head, index.problem, index.members(0)) == (None, None, {})


@pytest.mark.parametrize(
    ('members', 'problem'),
    [
        ([*_members([1]), *_members([1], ['/mask.npy'])], '00000001/mask.npy is there twice'),
        ([_member(INDEX), _member(INDEX)], 'maps.json is there twice'),
        ([_member('readme.txt')], 'readme.txt is no part of a file of maps'),
        ([_member('0000001.json')], '0000001.json is no part of a file of maps'),
        ([_member(f'{EIGHT}.json')], f'{EIGHT}.json is no part of a file of maps'),
        (_members([1], [f'/{kind}.npy' for kind in range(1001)]), '00000001/1000.npy is no part of a file of maps'),
    ],
)
def test_what_is_no_file_of_maps(members, problem):
    assert MapIndex(members).problem == problem


def test_memory_of_fifty_thousand_images():
    """At most 20 MB while it is made, and less when it is there."""
    tracemalloc.start()
    try:
        members = (_member(f'{image:08d}{rest}') for image in range(50_000) for rest in RESTS)
        index = MapIndex(members)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index.images_with('.json')) == 50_000
    assert kept < 12e6
    assert peak < 20e6
