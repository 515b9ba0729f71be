"""Zip files are those of the standard library, byte by byte, and broken ones are refused."""

import random
import struct
import zipfile
import zlib

import pytest

from mmtscam.evaluation.stored_maps import zip_members
from mmtscam.evaluation.stored_maps.zip_members import (
    Member,
    ZipWriter,
    read_content,
    read_members,
    read_packed,
    unpack,
)


def _contents(seed=0, count=40):
    rng = random.Random(seed)
    names = [f'{index:08d}/{rng.choice(["a", "ä", "日"])}{index}.npy' for index in range(count)]
    return {name: rng.randbytes(rng.randrange(300)) + b'a' * rng.randrange(3000) for name in [*names, 'last']}


def _write(path, contents):
    with ZipWriter(path) as writer:
        for name, content in contents.items():
            writer.add(name, content)
    return path


def _write_with_zipfile(path, contents, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, 'w') as file:
        for name, content in contents.items():
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    return path


def _read(path):
    with path.open('rb') as file:
        members = list(read_members(file))
        return {member.name: unpack(member, read_packed(file, member)) for member in members}


@pytest.mark.parametrize('contents', [_contents(), {}, {'a': b''}, {f'{index:05d}': b'' for index in range(70_000)}])
def test_the_bytes_of_the_standard_library(tmp_path, contents):
    """With more members than 16 bits count, too."""
    path = _write(tmp_path / 'ours', contents)
    assert path.read_bytes() == _write_with_zipfile(tmp_path / 'theirs', contents).read_bytes()
    assert _read(path) == contents


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_of_others(tmp_path, method):
    path = _write_with_zipfile(tmp_path / 'theirs', _contents(), method)
    with zipfile.ZipFile(path, 'a') as file:
        file.comment = b'written by hand PK\1\2'
        file.getinfo('last').comment = b'the last'
        with file.open('added later', 'w', force_zip64=True) as member:
            member.write(b'more')
    assert _read(path) == {**_contents(), 'added later': b'more'}
    with zipfile.ZipFile(path) as file, path.open('rb') as ours:
        theirs = [
            (info.filename, info.compress_type, info.CRC, info.compress_size, info.file_size, info.header_offset)
            for info in file.infolist()
        ]
        assert [*map(tuple, read_members(ours))] == theirs


def test_members_are_passed_on_as_they_are_packed(tmp_path):
    contents = _contents()
    source = _write(tmp_path / 'source', contents)
    with source.open('rb') as file, ZipWriter(tmp_path / 'copy') as writer:
        for member in list(read_members(file)):
            writer.add_packed(member, read_packed(file, member))
    assert (tmp_path / 'copy').read_bytes() == source.read_bytes()


@pytest.mark.parametrize('place', [(1 << 31) - 20, 1 << 31, (1 << 32) - 20, 1 << 32, (1 << 32) + 7])
def test_files_of_more_than_four_gibibytes(tmp_path, place):
    """A hole takes no space on the disk."""
    path = tmp_path / 'large'
    with ZipWriter(path) as writer:
        writer.add('first', b'1' * 9)
        writer._file.seek(place)
        for name in 'bc':
            writer.add(name, name.encode() * 9)
    assert _read(path) == dict(first=b'1' * 9, b=b'b' * 9, c=b'c' * 9)
    with zipfile.ZipFile(path) as file:
        assert {name: file.read(name) for name in file.namelist()} == _read(path)
        assert file.getinfo('b').header_offset == place


def test_nothing_but_the_file_is_left(tmp_path):
    _write(tmp_path / 'file', _contents())
    with pytest.raises(RuntimeError), ZipWriter(tmp_path / 'file') as writer:
        writer.add('a', b'a')
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ['file']
    with pytest.raises(OSError, match='file'):
        ZipWriter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['file']


@pytest.mark.parametrize('keep', [*range(1, 60), 100, 1000, -1])
def test_a_file_that_is_cut_is_no_zip_file(tmp_path, keep):
    path = _write(tmp_path / 'file', _contents())
    path.write_bytes(path.read_bytes()[: -keep if keep > 0 else 0])
    with pytest.raises(zipfile.BadZipFile, match='no zip file, or its end is missing'):
        _read(path)


def test_every_changed_byte_is_found_or_does_not_matter(tmp_path):
    contents = {'a/b': b'aaaab' * 30, 'c': b'xyz'}
    path = _write(tmp_path / 'file', contents)
    original = path.read_bytes()
    found = 0
    for place in range(len(original)):
        for value in (0, 1, 255, original[place] ^ 1, original[place] ^ 128):
            path.write_bytes(original[:place] + bytes([value]) + original[place + 1 :])
            try:
                read = _read(path)
            except zipfile.BadZipFile:
                found += 1
            else:
                # A name has no check sum, but the directory's and that before the content must agree.
                assert read == contents, (place, value)
    assert found > 2 * len(original)


def _patched(path, offset, layout, *values):
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ('field', 'layout', 'value', 'message'),
    [
        (0, '<4s', b'PK\1\3', 'its list of members is damaged'),
        (8, '<H', 1, 'a is encrypted, or packed by another method than deflate'),
        (10, '<H', 12, 'a is encrypted, or packed by another method than deflate'),
        (20, '<L', 0xFFFFFFFF, 'a is too large'),
        (24, '<L', 0xFFFFFFFF, 'a is too large'),
        (20, '<L', 0xFFFFFF00, 'a does not lie in the file'),
        (42, '<L', 1, 'a is not where it should be'),
        (42, '<L', 0xFFFFFFFF, 'the place of a is missing'),
        (30, '<H', 7, 'its list of members is damaged'),
        (28, '<H', 70, 'it is cut off'),
        (16, '<L', 5, 'a is damaged: it has another size or check sum than it should'),
        (24, '<L', 899, 'a is damaged: it has another size or check sum than it should'),
        (24, '<L', 901, 'a is damaged: it has another size or check sum than it should'),
    ],
)
def test_a_broken_entry_is_told(tmp_path, field, layout, value, message):
    path = _write(tmp_path / 'file', {'a': b'a' * 900})
    _patched(path, path.read_bytes().index(b'PK\1\2') + field, layout, value)
    with pytest.raises(zipfile.BadZipFile, match=message):
        _read(path)


def test_a_member_does_not_grow_beyond_its_size(monkeypatch):
    """Whatever it unpacks to: here a thousand times as much."""
    content = bytes(1 << 24)
    packing = zlib.compressobj(wbits=-15)
    packed = packing.compress(content) + packing.flush()
    sizes, make = [], zlib.decompressobj

    class Watched:
        def __init__(self, bits):
            self.inner = make(bits)

        def decompress(self, data, most):
            found = self.inner.decompress(data, most)
            sizes.append(len(found))
            return found

        @property
        def eof(self):
            return self.inner.eof

    monkeypatch.setattr(zip_members.zlib, 'decompressobj', Watched)
    assert unpack(Member('a', 8, zlib.crc32(content), len(packed), len(content), 0), packed) == content
    with pytest.raises(zipfile.BadZipFile, match='a is damaged'):
        unpack(Member('a', 8, zlib.crc32(content[:1000]), len(packed), 1000, 0), packed)
    assert sizes == [1 << 24, 1001]


def test_a_member_of_limited_size(tmp_path):
    """Before it is unpacked: here a thousand times as many bytes."""
    path = _write(tmp_path / 'file', {'a': bytes(1 << 20)})
    with path.open('rb') as file:
        (member,) = read_members(file)
        assert member.packed < 2000
        assert read_content(file, member) == read_content(file, member, 1 << 20) == bytes(1 << 20)
        with pytest.raises(zipfile.BadZipFile, match='a says to have 1048576 bytes, and may have 1048575'):
            read_content(file, member, (1 << 20) - 1)
